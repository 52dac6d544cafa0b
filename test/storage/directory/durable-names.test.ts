import type * as FsPromises from 'node:fs/promises';
import { link, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { DurableNames } from '../../../src/storage/directory/durable-names.ts';

vi.mock('node:fs/promises', async (importOriginal) => {
  const real = await importOriginal<typeof FsPromises>();
  return { ...real, link: vi.fn(real.link) };
});

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

test.each(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])(
  'where a link fails with %s: a file gets a free name, and a name that is taken keeps its file',
  async (code) => {
    const [one, other, final] = ['one', 'other', 'deleted/final'].map((name) => join(place, name)) as [
      string,
      string,
      string,
    ];
    for (const path of [one, other]) await writeFile(path, path);
    vi.mocked(link).mockImplementation(() => Promise.reject(Object.assign(new Error(code), { code })));
    try {
      await mkdir(join(place, 'deleted'));
      expect(await names.publish(one, final)).toBe(true);
      expect(await names.publish(other, final)).toBe(false);
    } finally {
      vi.mocked(link).mockRestore();
    }
    expect(await readFile(final, 'utf8')).toBe(one);
    expect(await readdir(place)).toEqual(['deleted']);
  },
);

test('a link that fails for another reason is told', async () => {
  const part = join(place, 'part');
  await writeFile(part, '');
  await expect(names.publish(part, join(place, 'x'.repeat(300)))).rejects.toMatchObject({ code: 'ENAMETOOLONG' });
  expect(await readdir(place)).toEqual(['part']);
});
