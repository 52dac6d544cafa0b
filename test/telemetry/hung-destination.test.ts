import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Health } from '../../src/telemetry/health.ts';
import type { Places } from '../../src/telemetry/places.ts';
import { watchSpace } from '../../src/telemetry/space-watch.ts';

/** What waits for a file system that hangs, each of which holds a thread of the process; and whether it hangs. */
const hung = vi.hoisted(() => [] as (() => void)[]);
/** And the system's table of mounts. */
const system = vi.hoisted(() => ({ hangs: true, mounts: '' }));
vi.mock('node:fs/promises', async (original) => {
  const look = async (path: string): Promise<object> => {
    if (path.startsWith('/missing')) throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
    if (path.startsWith('/hung') && system.hangs) await new Promise<void>((resolve) => hung.push(resolve));
    return { bavail: 7, bsize: 100 };
  };
  return { ...(await original<object>()), access: look, stat: look, statfs: look, readFile: async () => system.mounts };
});

const at = (path: string) => ({ type: 'directory', path }) as const;
/** All that was said of the free space of each place. */
const free: Record<string, number[]> = {};
/** And of whether it can be written to. */
const usable: Record<string, boolean[]> = {};
const metrics = {
  freeSpace: (name: string, bytes: number): void => void (free[name] ??= []).push(bytes),
  usable: (name: string, isUsable: boolean): void => void (usable[name] ??= []).push(isUsable),
};
const MINUTE = 60_000;

let watch: { end(): void } | undefined;
const startWatch = (config: Places): void => void (watch = watchSpace(config, metrics));

beforeEach(() => {
  for (const said of [free, usable]) for (const name of Object.keys(said)) delete said[name];
  Object.assign(system, { hangs: true, mounts: '' });
  vi.useFakeTimers();
});
afterEach(async () => {
  watch?.end();
  await letGoOn();
  vi.useRealTimers();
  vi.unstubAllEnvs();
});

async function letGoOn(): Promise<void> {
  system.hangs = false;
  for (const goOn of hung.splice(0)) goOn();
  await vi.advanceTimersByTimeAsync(0);
}

/** Why a worker is not ready, when a probe has had all its time. */
async function troubleOf(health: Health): Promise<Record<string, string | undefined>> {
  const checks = health.checks();
  await vi.advanceTimersByTimeAsync(6000);
  return Object.fromEntries((await checks).filter(({ ok }) => !ok).map(({ name, reason }) => [name, reason]));
}

test('a destination that hangs is looked at once, whoever asks and however often', async () => {
  const config = { destinations: { first: at('/hung'), second: at('/well') } };
  const health = new Health(config);
  startWatch(config);
  for (let minute = 0; minute < 5; minute++) {
    const trouble = await troubleOf(health);
    expect([trouble['destination first'], trouble['destination second']]).toEqual(['no answer within 5 s', undefined]);
    await vi.advanceTimersByTimeAsync(MINUTE);
  }
  expect(hung).toHaveLength(1);
  // It is said of the one that it does not answer, and the other is looked at as before.
  expect([free['first'], usable['first']]).toEqual([[NaN], [false]]);
  expect(free['second']?.slice(0, 5)).toEqual([700, 700, 700, 700, 700]);

  await letGoOn();
  expect([free['first'], usable['first']]).toEqual([
    [NaN, 700],
    [false, true],
  ]);
  expect(await troubleOf(health)).not.toHaveProperty('destination first');
});

test('file systems that hang stop no look at others, as long as the pool has threads to spare', async () => {
  vi.stubEnv('UV_THREADPOOL_SIZE', '12');
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  const seven = Object.fromEntries(names.map((name) => [name, at(`/hung/${name}`)]));
  const config = { destinations: { ...seven, well: at('/well') } };
  startWatch(config);
  const health = new Health(config);
  for (let minute = 0; minute < 2; minute++) {
    expect(Object.keys(await troubleOf(health))).toHaveLength(7 + 2);
    await vi.advanceTimersByTimeAsync(MINUTE);
  }
  expect(hung).toHaveLength(7);
  watch?.end();
  startWatch({ destinations: { eighth: at('/hung/h'), ninth: at('/hung/i') } });
  await vi.advanceTimersByTimeAsync(2 * MINUTE);
  // What reads files and looks up names has the other four.
  expect(hung).toHaveLength(8);
  await letGoOn();
  expect(free['well']?.every((bytes) => bytes === 700)).toBe(true);
  expect(free).toMatchObject({ eighth: [NaN, 700], ninth: [NaN, 700] });
});

test('many destinations that hang hold two threads of a pool of four', async () => {
  vi.stubEnv('UV_THREADPOOL_SIZE', '');
  const names = ['a', 'b', 'c', 'd', 'e'];
  startWatch({ destinations: Object.fromEntries(names.map((name) => [name, at(`/hung/${name}`)])) });
  await vi.advanceTimersByTimeAsync(2 * MINUTE);
  expect(hung).toHaveLength(2);
  expect(free).toEqual(Object.fromEntries(names.map((name) => [name, [NaN]])));
  await letGoOn();
  expect(free).toEqual(Object.fromEntries(names.map((name) => [name, [NaN, 700]])));
});

test('destinations of one file system that hangs hold one thread, and others are looked at as before', async () => {
  system.mounts = '22 1 8:1 / / rw - ext4 /dev/sda1 rw\n36 22 0:41 / /hung\\040here rw - nfs4 nas:/exports rw\n';
  const config = { destinations: { a: at('/hung here/a'), b: at('/hung here/b'), local: at('/well') } };
  startWatch(config);
  await vi.advanceTimersByTimeAsync(2 * MINUTE);
  expect(hung).toHaveLength(1);
  expect(free).toEqual({ a: [NaN], b: [NaN], local: [700, 700, 700] });
  await letGoOn();
  expect(free).toMatchObject({ a: [NaN, 700], b: [NaN, 700] });
});

test('the place of audit records is looked at, too, and must be there', async () => {
  const config = { destinations: { local: at('/missing/a') }, audit: { destination: at('/missing/b') } };
  startWatch(config);
  expect(await troubleOf(new Health(config))).toEqual({
    'audit.destination': '/missing/b does not exist; create it, or mount what belongs there',
    temporal: 'not connected yet',
    workers: 'not started yet',
  });
  expect(free).toEqual({ 'audit.destination': [NaN], local: [700] });
});
