import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

/** Exports that keep the only download busy; each has four batches waiting. */
const BUSY = 5;

let stack: Stack;
let hospital: SampleServer;

beforeAll(async () => {
  stack = await startStack({
    // One partition, so that the order is that of the queue.
    temporalArgs: [
      'matching.enableFairness=true',
      'matching.numTaskqueueReadPartitions=1',
      'matching.numTaskqueueWritePartitions=1',
    ].flatMap((value) => ['--dynamic-config-value', value]),
    servers: {
      hospital: {
        patients: 60,
        linesPerFile: 10,
        pollsUntilReady: 0,
        gzip: false,
        version: 4,
        throttleBytesPerSecond: 40_000,
      },
    },
    entries: { hospital: { maxConcurrentDownloads: 1 } },
  });
  hospital = stack.servers['hospital'] as SampleServer;
});
afterAll(() => stack.close());

test('a small export does not wait for all that large ones have queued, where the server has fairness', async () => {
  // Large files, says the manifest: each is a batch of its own.
  hospital.faults.add({
    route: 'status',
    times: 1000,
    do: {
      kind: 'transformManifest',
      transform: (manifest) => {
        for (const file of manifest.output ?? []) Object.assign(file, { fileSize: 100_000_000 });
        return manifest;
      },
    },
  });
  const busy = [];
  for (let i = 0; i < BUSY; i++) busy.push(await stack.start({ parameters: { _type: 'Observation' } }));
  const files = () => hospital.journal.filter(({ route }) => route === 'file');
  await expect
    .poll(() => new Set(files().map(({ jobId, url }) => jobId ?? url.split('/')[2])).size, { timeout: 30_000 })
    .toBe(BUSY);
  const small = await stack.run({ parameters: { _type: 'Patient' } });
  expect(small.status).toBe('complete');

  const manifest = hospital.journal.findLastIndex(({ route, status }) => route === 'status' && status === 200);
  const requests = hospital.journal.slice(manifest);
  const first = requests.findIndex(({ route, url }) => route === 'file' && url.includes('Patient'));
  const before = requests.slice(0, first).filter(({ route }) => route === 'file');
  // First come, first served would be four batches of each.
  expect(before.length).toBeLessThan(2 * BUSY);
  expect(first).toBeGreaterThan(-1);
  await Promise.all(busy.map((one) => one.cancel()));
  await Promise.all(busy.map((one) => one.result().catch(() => {})));
});
