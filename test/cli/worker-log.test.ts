import { mkdtemp, readdir, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openWorkerLog } from '../../src/cli/export/worker-log.ts';

test('the log of an export goes on, until it is long; what nobody has written to for a month is removed', async () => {
  const home = await mkdtemp(join(tmpdir(), 'worker-log-'));
  vi.stubEnv('XDG_DATA_HOME', home);
  onTestFinished(async () => {
    vi.unstubAllEnvs();
    await rm(home, { recursive: true });
  });
  const log = await openWorkerLog('nightly');
  const folder = join(log, '..');
  await writeFile(log, 'a line\n');
  await writeFile(join(folder, 'other.log'), 'another\n');
  expect(await openWorkerLog('nightly')).toBe(log);
  expect((await readdir(folder)).toSorted()).toEqual(['nightly.log', 'other.log']);

  await truncate(log, 11 * 2 ** 20);
  const old = new Date(Date.now() - 31 * 24 * 60 * 60 * 1000);
  await utimes(join(folder, 'other.log'), old, old);
  expect(await openWorkerLog('nightly')).toBe(log);
  expect(await readdir(folder)).toEqual(['nightly.log.1']);
});
