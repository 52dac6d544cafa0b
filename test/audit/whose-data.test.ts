import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ servers: { hospital: { patients: 4, pollsUntilReady: 0 } }, workers: false });
  await mkdir(join(stack.folder, 'trail'));
  stack.config.audit = { destination: { type: 'directory', path: join(stack.folder, 'trail') }, required: false };
  await stack.startWorkers();
});
afterAll(() => stack?.close());

test('the records of an export of new members say who they are', async () => {
  const { baseUrl } = stack.servers['hospital'] as SampleServer;
  const found = { requestHash: '', baseUrl, groupId: 'diabetes', members: ['pat-2'], gained: ['pat-2'] };
  await mkdir(join(stack.folder, 'main', '.export'), { recursive: true });
  await writeFile(join(stack.folder, 'main', '.export', 'members-found.json'), JSON.stringify(found));
  await stack.run({ level: 'group', groupId: 'diabetes', newMembersOf: 'main' });
  const files = await readdir(join(stack.folder, 'trail'), { recursive: true });
  const records = files.filter((name) => /(start|end)\.json$/.test(name));
  expect(records).toHaveLength(2);
  for (const name of records) {
    const record: unknown = JSON.parse(await readFile(join(stack.folder, 'trail', name), 'utf8'));
    expect(record).toMatchObject({ newMembersOf: 'main', parameters: { patient: ['Patient/pat-2'] } });
  }
});
