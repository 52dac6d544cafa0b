import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DurableNames } from '../../../src/storage/directory/durable-names.ts';

let place: string;
let names: DurableNames;

beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'names-'));
  names = new DurableNames(place);
});
afterEach(() => rm(place, { recursive: true, force: true }));

const outcomeOf = (sync: Promise<void>): Promise<string> =>
  sync.then(
    () => 'durable',
    ({ code }: NodeJS.ErrnoException) => String(code),
  );

test('nobody is told that a name is durable which another caller fails to make so', async () => {
  const folder = join(place, 'deleted');
  // Its folder is not there yet, so it cannot be synced.
  names.add(join(folder, 'Bundle.00001.ndjson'));
  expect(await Promise.all([outcomeOf(names.sync()), outcomeOf(names.sync())])).toEqual(['ENOENT', 'ENOENT']);
  // It is not forgotten.
  expect(await outcomeOf(names.sync())).toBe('ENOENT');
  await mkdir(folder);
  expect(await outcomeOf(names.sync())).toBe('durable');
  await rm(folder, { recursive: true });
  expect(await outcomeOf(names.sync())).toBe('durable');
});
