import { readFile, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { StartedExport } from '../../src/client.ts';
import type { LinkServer } from '../support/link-server.ts';
import { startLinkServer } from '../support/link-server.ts';
import type { Stack } from '../support/stack.ts';
import { serverEntry, startStack } from '../support/stack.ts';

const LONG = { timeout: 60_000 };
const NAMES = Array.from({ length: 4 }, (_, place) => `Patient.0000${place + 1}.ndjson`) as [string, string, string];

let stack: Stack;
let archive: LinkServer;

beforeAll(async () => {
  archive = await startLinkServer({
    files: NAMES.map((_, place) => ({ id: `p${place}`, type: 'Patient', lines: 2 })),
  });
  stack = await startStack({ workers: false, servers: {} });
  stack.config.servers['archive'] = serverEntry(archive.origin);
  await stack.startWorkers();
});
afterAll(async () => {
  await stack.close();
  await archive.close();
});

const fetched = (id: string) => archive.asked.filter((one) => one.id === id && one.status === 200).length;

async function untilAttention(started: StartedExport): Promise<void> {
  await expect.poll(async () => (await started.progress()).phase, LONG).toBe('needs-attention');
}

test.each([
  ['removed', (file: string) => rm(file)],
  ['cut', async (file: string) => truncate(file, (await readFile(file)).indexOf('\n') + 1)],
])('a file that was complete and has been %s is fetched again when an operator names it', async (_, lose) => {
  archive.asked.length = 0;
  archive.answer = (id) => (id === 'p0' ? { status: 404 } : undefined);
  const started = await stack.start({ server: 'archive', onIncomplete: 'wait' });
  await untilAttention(started);
  const location = (await started.progress()).location as string;
  await lose(join(location, NAMES[2]));
  await started.retryFiles({ names: [NAMES[2]] });
  await expect.poll(() => fetched('p2'), LONG).toBe(2);
  await untilAttention(started);
  expect((await started.progress()).trouble).toContain('1 of 4 files');
  archive.answer = () => undefined;
  await started.retryFiles({ names: [NAMES[0]] });
  const { status, files, resources, bytes } = await started.result();
  expect({ status, files, resources }).toEqual({ status: 'complete', files: 4, resources: 8 });
  // What was lost does not count twice.
  expect(await started.progress()).toMatchObject({ files: { done: 4 }, resources, bytes });
  expect(archive.asked.filter(({ status }) => status === 200)).toHaveLength(5);
});

test('files that an operator wants all, and then one of them by name, are all fetched', async () => {
  archive.answer = (id) => (['p0', 'p3'].includes(id) ? { status: 404 } : undefined);
  const started = await stack.start({ server: 'archive', onIncomplete: 'wait' });
  await untilAttention(started);
  await started.pause({ what: 'downloads' });
  archive.answer = () => undefined;
  await started.retryFiles();
  await started.retryFiles({ names: [NAMES[0]] });
  await started.resume();
  expect(await started.result()).toMatchObject({ status: 'complete', files: 4 });
});
