import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { StartedExport } from '../../src/client.ts';
import { startAnswering } from '../support/answering-server.ts';
import type { Stack } from '../support/stack.ts';
import { serverEntry } from '../support/stack.ts';
import { recordHistory } from './record-histories.ts';

/** Of an answer that is to be asked for again. */
const HOUR = { 'retry-after': '3600' };

/** Exports that are paused while files are put off. */
export async function recordPauses(stack: Stack, version: string): Promise<void> {
  await recordPartial(stack, version);
  await recordEnd(stack, version);
}

/** The server still works on it, and a file is due when it is resumed. */
async function recordPartial(stack: Stack, version: string): Promise<void> {
  let files = 0;
  let isReady = false;
  const page = { transactionTime: '2026-01-01T00:00:00Z', requiresAccessToken: false, output: [], error: [] };
  const server = await startAnswering(({ method, url }) => {
    if (method === 'DELETE') return { status: 202 };
    if (url.includes('export')) return { status: 202, headers: { 'content-location': `${server.origin}/status` } };
    if (url === '/file') return ++files > 1 ? { body: '{"resourceType":"Patient","id":"p"}\n' } : { status: 503 };
    const output = [{ type: 'Patient', url: `${server.origin}/file`, count: 1 }];
    const link = [{ relation: 'next', url: `${server.origin}/page` }];
    if (url === '/status') return { status: 202, headers: HOUR, body: { ...page, output, link } };
    return isReady ? { body: page } : { status: 202, headers: HOUR };
  });
  await stack.stopWorkers();
  stack.config.servers['partial'] = serverEntry(server.origin, {});
  await stack.startWorkers();
  const started = await stack.start(
    { server: 'partial', parameters: { allowPartialManifests: true } },
    'paused-partial',
  );
  await expect.poll(() => files, { timeout: 20_000 }).toBe(1);
  await started.pause();
  await sleep(1000);
  await started.pollNow();
  await started.resume();
  await expect.poll(async () => (await started.progress()).files?.done, { timeout: 20_000 }).toBe(1);
  isReady = true;
  await started.pollNow();
  await started.result();
  await server.close();
  await recordHistory(stack, 'paused-partial', `${version}-paused-partial`);
}

/** An operator ends it in the pause. */
async function recordEnd(stack: Stack, version: string): Promise<void> {
  fail(stack, { times: 1, do: { kind: 'answer', status: 503, headers: { 'Retry-After': '60' } } });
  const started = await stack.start({}, 'ended-in-a-pause');
  await untilPutOff(started);
  await started.pause({ what: 'downloads' });
  await started.finishIncomplete({ reason: 'recorded' });
  await sleep(1000);
  // Later versions have ended it by then.
  await started.resume().catch(() => {});
  await started.result().catch(() => {});
  await recordHistory(stack, 'ended-in-a-pause', `${version}-ended-in-a-pause`);
}

function fail(stack: Stack, rule: object): void {
  const faults = stack.servers['hospital']?.faults;
  faults?.clear();
  faults?.add({ route: 'file', ...rule } as never);
}

async function untilPutOff(started: StartedExport): Promise<void> {
  const times = async (): Promise<number> => (await started.progress()).fetchedAgain?.['outage'] ?? 0;
  await expect.poll(times, { timeout: 20_000 }).toBeGreaterThan(0);
}
