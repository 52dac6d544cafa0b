import { randomBytes } from 'node:crypto';
import { expect, vi } from 'vitest';
import type { AuthServer } from '../../dev/sample-server/index.ts';
import { createAuthServer } from '../../dev/sample-server/index.ts';
import type { Collector } from './collector.ts';
import { startCollector } from './collector.ts';
import type { RealWorker } from './real-worker.ts';
import { startRealWorker } from './real-worker.ts';
import type { Stack } from './stack.ts';
import { serverEntry, startStack } from './stack.ts';
import { killWorker } from './worker-processes.ts';

const FAST = { patients: 20, linesPerFile: 100, pollsUntilReady: 1, retryAfter: '1' };
/** Two files of 5 MB beside one another: one of them is fetched in another thread. */
const LARGE = { patients: 950, linesPerFile: 6_000, pollsUntilReady: 0, gzip: false, version: 4 as const };

/** A worker as users run it that exports traces, and all around it. */
export interface TracedWorker {
  stack: Stack;
  collector: Collector;
  worker: RealWorker;
  /** Of the server `secured`, with the secret for it. */
  authorization: AuthServer;
  clientSecret: string;
  close(): Promise<void>;
}

/** Its servers are `secured`, `large`, `plain` and `refusing`; exports continue in a further run after 100 events. */
export async function startTracedWorker(): Promise<TracedWorker> {
  const clientSecret = randomBytes(30).toString('base64url');
  const authorization = createAuthServer({ clientSecret });
  const collector = await startCollector();
  const stack = await startStack({
    workers: false,
    temporalArgs: ['--dynamic-config-value', 'limit.historyCount.suggestContinueAsNew=100'],
    servers: { secured: { ...FAST, authorization }, large: LARGE, plain: FAST, refusing: FAST },
  });
  const { baseUrl } = stack.servers['secured'] ?? { baseUrl: '' };
  stack.config.servers['secured'] = serverEntry(baseUrl, {
    auth: {
      type: 'client-secret',
      clientId: 'demo-client',
      clientSecretEnv: 'TRACES_TEST_SECRET',
      secretIn: 'form',
      tokenUrl: authorization.tokenUrl(baseUrl),
    },
  });
  stack.config.downloadThreads = 2;
  // Some collectors have a token in their address.
  stack.config.traces = `${collector.url}/v1/traces?token=${clientSecret}`;
  const worker = await startRealWorker(stack, { TRACES_TEST_SECRET: clientSecret });
  await vi.waitFor(() => expect(worker.logs()).toContain('worker started'), { timeout: 60_000 });
  return {
    stack,
    collector,
    worker,
    authorization,
    clientSecret,
    close: async () => {
      await killWorker(worker.child);
      await stack.close();
      await collector.close();
    },
  };
}
