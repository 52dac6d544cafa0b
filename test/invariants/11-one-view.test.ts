import { writeFileSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Route, SampleServer } from '../../dev/sample-server/index.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

let stack: Stack;
let hospital: SampleServer;

beforeAll(async () => {
  stack = await startStack({ servers: { hospital: { patients: 20, pollsUntilReady: 0, retryAfter: '1' } } });
  hospital = stack.servers['hospital'] as SampleServer;
});
afterAll(() => stack.close());
beforeEach(() => {
  hospital.journal.length = 0;
  hospital.faults.clear();
});

const SMALL = { parameters: { _type: 'Patient' } };
const slow = { kind: 'answer', status: 202, headers: { 'Retry-After': '3600' } } as const;
const unseen = {
  type: 'DestinationFailed',
  message: expect.stringContaining('does not see the folder in which the export began'),
};
/** As if another worker had another disk mounted there. */
const OTHER_MARK = JSON.stringify({ mark: 'another' });

describe('invariant 11: one destination, one view', () => {
  test('a worker that sees another folder is found out before it writes', async () => {
    hospital.faults.add({ route: 'status', do: slow });
    const started = await stack.start({ ...SMALL, destination: { path: 'shared' } });
    await expect.poll(async () => (await started.progress()).polls, { timeout: 10_000 }).toBe(1);
    await writeFile(join(stack.folder, 'shared/.export/export.json'), OTHER_MARK);
    await started.pollNow();
    await expect(started.result()).rejects.toMatchObject({ cause: unseen });
    expect(hospital.journal.filter(({ route }) => route === 'file')).toHaveLength(0);
  });

  test.each<[Route, string]>([
    ['kickOff', 'the job is started'],
    ['status', 'the manifest is read'],
    ['file', 'files are fetched'],
  ])('whatever the export is doing: %s, %s', async (route) => {
    const folder = join(stack.folder, route);
    let swapped = false;
    const swap = (): boolean => {
      if (!swapped) writeFileSync(join(folder, '.export/export.json'), OTHER_MARK);
      swapped = true;
      return false;
    };
    hospital.faults.add({ route, match: swap, do: { kind: 'drop' } });
    const started = await stack.start({ destination: { path: route } });
    await expect(started.result()).rejects.toMatchObject({ cause: { type: 'DestinationFailed' } });
    expect(swapped).toBe(true);
    // Nothing is called finished, and what the other worker has there is as it was.
    expect(await readdir(folder)).not.toContain('manifest.json');
    expect(await readFile(join(folder, '.export/export.json'), 'utf8')).toBe(OTHER_MARK);
  });
});
