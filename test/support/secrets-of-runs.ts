import type { AuthServer, FaultRule, JournalEntry, Route, SampleServer } from '../../dev/sample-server/index.ts';
import type { TestKey } from './keys.ts';
import { startRealWorker } from './real-worker.ts';
import type { Stack } from './stack.ts';
import { killWorker } from './worker-processes.ts';

/** The worker as users run it, as talkative as it can be. */
export interface LoudWorker {
  /** All that it has written. */
  logs(): string;
  kill(): Promise<void>;
}

export async function startLoudWorker(stack: Stack): Promise<LoudWorker> {
  const { child, logs } = await startRealWorker(stack, { LOG_LEVEL: 'trace' });
  return { logs, kill: () => killWorker(child) };
}

/** Has a server refuse requests and quote them in full, credentials and all, in several spellings. */
export function quote(server: SampleServer, route: Route, status: number, rule: Partial<FaultRule> = {}): void {
  let asked: JournalEntry | undefined;
  const answer = {
    kind: 'answer' as const,
    status,
    get body(): string {
      const detail = `${asked?.headers.authorization} with ${asked?.body}`;
      return JSON.stringify({ error: 'invalid_client', error_description: detail, again: encodeURIComponent(detail) });
    },
  };
  server.faults.add({ route, match: (entry) => ((asked = entry), true), ...rule, do: answer });
}

/** What would let somebody in. */
export function secretsOf(keys: readonly TestKey[], authServers: readonly AuthServer[], more: string[]): string[] {
  const members = keys.flatMap(({ privateJwk: { d, p, q, dp, dq, qi } }) => [d, p, q, dp, dq, qi]);
  const lines = keys.flatMap(({ pem }) => pem.trim().split('\n').slice(1, -1));
  return [...members.filter((one) => one !== undefined), ...lines, ...authServers.flatMap((a) => a.issued), ...more];
}

/** Signatures of the links that servers gave: as they stand in the links, and decoded. */
export function signaturesOf(servers: readonly Pick<SampleServer, 'journal'>[]): string[] {
  const links = servers.flatMap(({ journal }) => journal.filter(({ route }) => route === 'status' || route === 'file'));
  const found = links.flatMap(({ url }) => [...url.matchAll(/[?&]sig=([^&]{8,})/g)].map((match) => match[1] as string));
  return [...new Set([...found, ...found.map(decodeURIComponent)])];
}

/** Everything that Temporal keeps of all runs. */
export async function readHistories(stack: Stack): Promise<string> {
  const all: unknown[] = [];
  for await (const { workflowId, runId } of stack.client.workflow.list()) {
    const handle = stack.client.workflow.getHandle(workflowId, runId);
    all.push(await handle.fetchHistory(), await handle.describe());
  }
  return JSON.stringify(all);
}

/** Gathers what Temporal shows of running exports: heartbeats are in no history. */
export function watchHeartbeats(stack: Stack): { stop(): Promise<string[]> } {
  const seen: string[] = [];
  const stopped = new AbortController();
  const ended = (async () => {
    while (!stopped.signal.aborted) {
      for await (const { workflowId, runId } of stack.client.workflow.list({ query: "ExecutionStatus = 'Running'" })) {
        const { raw } = await stack.client.workflow.getHandle(workflowId, runId).describe();
        for (const { heartbeatDetails } of raw.pendingActivities ?? [])
          for (const { data } of heartbeatDetails?.payloads ?? []) seen.push(Buffer.from(data ?? []).toString());
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  })();
  return {
    async stop() {
      stopped.abort();
      await ended;
      return seen;
    },
  };
}
