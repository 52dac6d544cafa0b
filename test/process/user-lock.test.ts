import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { identityOf, isAlive } from '../../src/process/process-identity.ts';
import { withUserLock } from '../../src/process/user-lock.ts';
import { projectRoot } from '../../src/programs/project.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'user-lock-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('one works at a time, also when many wait, and what the lock leaves is little', async () => {
  let working = 0;
  let most = 0;
  const work = async (): Promise<void> => {
    most = Math.max(most, (working += 1));
    await delay(1);
    working -= 1;
  };
  await Promise.all(Array.from({ length: 25 }, () => withUserLock(folder, work)));
  expect([working, most]).toEqual([0, 1]);
  const left = await readdir(folder);
  expect(left.length).toBeLessThanOrEqual(11);
  expect(left.every((name) => /^\d+$/.test(name))).toBe(true);
});

test('whoever waits long learns for which process', async () => {
  let end = (): void => {};
  const working = new Promise<void>((resolve) => (end = resolve));
  const first = withUserLock(folder, () => working);
  await expect.poll(async () => (await readdir(folder)).length).toBe(1);
  const said: number[] = [];
  const second = withUserLock(
    folder,
    async () => 'done',
    (pid) => {
      said.push(pid);
      end();
    },
  );
  expect(await second).toBe('done');
  await first;
  expect(said).toEqual([process.pid]);
});

test('the lock of work that failed is free', async () => {
  await expect(withUserLock(folder, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await withUserLock(folder, async () => 'yes')).toBe('yes');
});

test('processes that are killed while they hold the lock or wait for it do not keep it', async () => {
  const lock = pathToFileURL(join(projectRoot, 'dist/src/process/user-lock.js')).href;
  // Each enters, says so, and is killed inside by itself: a second one inside at that time would find the file.
  const script = `
    import { rmSync, writeFileSync } from 'node:fs';
    const { withUserLock } = await import(${JSON.stringify(lock)});
    await withUserLock(${JSON.stringify(join(folder, 'lock'))}, async () => {
      const file = ${JSON.stringify(join(folder, 'inside'))};
      writeFileSync(file, String(process.pid), { flag: 'wx' });
      await new Promise((resolve) => setTimeout(resolve, 20));
      rmSync(file);
      process.kill(process.pid, 'SIGKILL');
    });`;
  const run = (): Promise<unknown> =>
    promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]).catch((error: unknown) => error);
  const ends = await Promise.all(Array.from({ length: 6 }, run));
  expect(ends.map((end) => (end as { signal?: string }).signal)).toEqual(ends.map(() => 'SIGKILL'));
  expect(await withUserLock(join(folder, 'lock'), async () => 'free')).toBe('free');
});

test('a later process with the same number is another one', async () => {
  const own = await identityOf(process.pid);
  expect(own && (await isAlive(own))).toBe(true);
  expect(await isAlive({ pid: process.pid, started: '1' })).toBe(false);
  await writeFile(join(folder, '5'), JSON.stringify({ pid: process.pid, started: '1' }));
  expect(await withUserLock(folder, async () => 'free')).toBe('free');
});

test('a ticket that a power cut left empty holds nothing', async () => {
  await writeFile(join(folder, '7'), '');
  expect(await withUserLock(folder, async () => 'free')).toBe('free');
});
