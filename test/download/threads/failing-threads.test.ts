import { execFileSync } from 'node:child_process';
import { open, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Fetched } from '../../../src/download/threads/fetched.ts';
import type { ThreadPool } from '../../../src/download/threads/pool.ts';
import { NoThreadError } from '../../../src/download/threads/thread-errors.ts';
import type { FileServer } from '../../support/file-server.ts';
import { serveFile } from '../../support/file-server.ts';
import {
  NOT_ASKED_FOR,
  THREAD,
  becomeFree,
  codeOf,
  fetchElsewhere,
  lines,
  makePool,
  orderOf,
  poisonedBy,
  publish,
  root,
  sha256,
  threadWith,
  useThreads,
  watching,
} from './threads-under-test.ts';

const content = lines(1024 * 1024);
const whole = { checked: sha256(content), stored: sha256(content) };
let server: FileServer;
/** Never sends the end. */
let slow: FileServer;

useThreads();
beforeAll(async () => {
  const served = { size: content.length, bytes: (from: number, to: number) => content.subarray(from, to) };
  server = await serveFile(served);
  slow = await serveFile({ ...served, breakAt: () => 1000, stall: true });
});
afterAll(() => Promise.all([server.close(), slow.close()]));

const poison = () => orderOf(slow.url, { label: 'poison' });
const good = (label: string, { url }: FileServer = server) => orderOf(url, { label });
const notHere = async (): Promise<Fetched> => {
  throw new Error('it was fetched in this thread');
};
const failed = (fetching: Promise<Fetched>) =>
  fetching.then(
    ({ kind }) => ({ kind }),
    (error: unknown) => error,
  );

/** Fetches the file that ends its thread, and others with it. */
async function endThread(pool: ThreadPool, ...others: string[]): Promise<void> {
  const fetching = [poison(), ...others.map((label) => good(label, slow))].map((order) => fetchElsewhere(pool, order));
  for (const error of await Promise.all(fetching.map(failed))) {
    // Nobody knows which one was why.
    expect(error).toMatchObject({ name: 'ThreadEndedError', wasReady: true, wasAlone: false });
  }
  await becomeFree();
}

describe('files of a thread that ended', () => {
  test('are each fetched alone: an innocent one suffers once, and the other one is named', async () => {
    const pool = makePool({ file: threadWith('process.exit(3)') });
    await endThread(pool, 'innocent');
    for (const time of ['second', 'third']) {
      const culprit = failed(pool.fetch(poison(), watching(), notHere));
      const innocent = await fetchElsewhere(pool, good('innocent'));
      expect(await publish(innocent, `Patient.${time}.ndjson`)).toEqual(whole);
      await becomeFree();
      expect(await culprit).toMatchObject({ name: 'ThreadEndedError', wasAlone: true });
    }
  });

  test('share their thread with no file that is ordered later', async () => {
    const pool = makePool({ file: threadWith('process.exit(3)') });
    await endThread(pool);
    const culprit = failed(pool.fetch(poison(), watching(), notHere));
    const next = await Promise.all(['1', '2'].map((label) => fetchElsewhere(pool, good(label))));
    for (const [file, fetched] of next.entries()) {
      expect(await publish(fetched, `Patient.${file}.ndjson`)).toEqual(whole);
    }
    expect(await culprit).toMatchObject({ wasAlone: true });
  });

  test('that had come and were to be published are fetched alone as well', async () => {
    const pool = makePool({ file: threadWith('process.exit(3)') });
    const come = await fetchElsewhere(pool, good('innocent'));
    if (come.kind !== 'checked') throw new Error('it did not come');
    await endThread(pool);
    await expect(come.part.finish()).rejects.toMatchObject({ name: 'ThreadEndedError', wasAlone: false });
    await come.part.keep().catch(() => {});
    const again = await pool.fetch(good('innocent'), watching(), notHere);
    expect(await publish(again, 'Patient.ndjson')).toEqual(whole);
  });

  test('are put off when too many want a thread of their own', async () => {
    const pool = makePool({ file: threadWith('process.exit(3)') });
    const labels = ['1', '2', '3', '4', '5', '6'];
    await endThread(pool, ...labels);
    const abort = new AbortController();
    const watch = watching({ signal: abort.signal });
    const fetching = labels.map((label) => failed(pool.fetch(good(label, slow), watch, notHere)));
    expect(await fetching[5]).toBeInstanceOf(NoThreadError);
    expect(await fetching[4]).toBeInstanceOf(NoThreadError);
    expect(pool.size).toBe(5);
    abort.abort(new Error('cancelled'));
    expect(await Promise.all(fetching.slice(0, 4))).toEqual(labels.slice(0, 4).map(() => abort.signal.reason as Error));
    await expect.poll(() => pool.size).toBe(1);
  });
});

test('where no thread can be started for a while: in this one, but not files of a thread that ended', async () => {
  const file = join(root, 'thread.mjs');
  const write = () => writeFile(file, poisonedBy('process.exit(3)'));
  await write();
  const pool = makePool({ file: pathToFileURL(file) });
  await endThread(pool, '1');
  await rm(file);
  onTestFinished(() => void vi.useRealTimers());
  const pauses: number[] = [];
  const watch = watching({ onNoThread: (_, pause) => void pauses.push(pause) });
  await expect(pool.fetch(good('1'), watch, notHere)).rejects.toBeInstanceOf(NoThreadError);
  await write();
  await expect(pool.fetch(good('1'), watch, notHere)).rejects.toBeInstanceOf(NoThreadError);
  const here = ['2', '3'].map((label) =>
    pool.fetch(good(label), watch, () => new Promise((resolve) => setTimeout(() => resolve(NOT_ASKED_FOR), 100))),
  );
  expect(await Promise.all(here)).toEqual([NOT_ASKED_FOR, NOT_ASKED_FOR]);
  expect(pauses).toEqual([60_000]);
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60_000 });
  expect(await publish(await pool.fetch(good('1'), watch, notHere), 'Patient.ndjson')).toEqual(whole);
});

describe('a thread that is silent', () => {
  const never = codeOf('setInterval(() => {}, 1000)');
  const stuck = codeOf(`import { parentPort } from 'node:worker_threads';
    parentPort.postMessage({ kind: 'ready' });
    parentPort.on('message', ({ order }) => {
      parentPort.postMessage({ kind: 'progress', order, bytes: 1, resumedAt: 0 });
      for (;;);
    });`);

  test('from the start: its files are fetched in this one', async () => {
    const pool = makePool({ file: never, limits: { ready: 100, abort: 60_000 } });
    let here = 0;
    const count = async (): Promise<Fetched> => {
      here++;
      await new Promise((resolve) => setTimeout(resolve, 500));
      return NOT_ASKED_FOR;
    };
    const fetching = ['1', '2'].map((label) => pool.fetch(good(label), watching(), count));
    expect(pool.size).toBe(2);
    expect(await Promise.all(fetching)).toEqual([NOT_ASKED_FOR, NOT_ASKED_FOR]);
    expect(here).toBe(2);
    await expect.poll(() => pool.size).toBe(1);
  });

  test('from the start: an abort is obeyed all the same', async () => {
    const pool = makePool({ file: never, limits: { ready: 60_000, abort: 100 } });
    const abort = new AbortController();
    const fetching = failed(fetchElsewhere(pool, good('1'), { signal: abort.signal }));
    abort.abort(new Error('cancelled'));
    expect(await fetching).toBe(abort.signal.reason);
  });

  test('while it starts: an abort is obeyed at once, and harms no other file', async () => {
    const slowly = codeOf(`await new Promise((resolve) => setTimeout(resolve, 500));
      await import(${JSON.stringify(THREAD.href)});`);
    const pool = makePool({ file: slowly, limits: { abort: 100 } });
    const asked = server.ranges.length;
    const abort = new AbortController();
    const other = fetchElsewhere(pool, good('1'));
    const fetching = failed(fetchElsewhere(pool, good('2'), { signal: abort.signal }));
    abort.abort(new Error('cancelled'));
    expect(await fetching).toBe(abort.signal.reason);
    expect(await publish(await other, 'Patient.ndjson')).toEqual(whole);
    expect(pool.size).toBe(2);
    expect(server.ranges).toHaveLength(asked + 1);
  });

  test('in the middle, without an abort: it is given up, and its files are put off', async () => {
    const pool = makePool({ file: stuck, limits: { alive: 200 } });
    const fetching = ['1', '2'].map((label) => failed(fetchElsewhere(pool, good(label))));
    for (const error of await Promise.all(fetching)) {
      expect(error).toMatchObject({ name: 'ThreadEndedError', wasReady: true, wasAlone: false });
    }
    await becomeFree();
    expect(await failed(pool.fetch(good('1'), watching(), notHere))).toMatchObject({ wasAlone: true });
  });

  test('in a call of the system that does not return: nobody waits for it', async () => {
    const pipe = join(root, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const pool = makePool({
      file: threadWith(`process.getBuiltinModule('node:fs').openSync(${JSON.stringify(pipe)})`),
      limits: { alive: 3000, end: 100 },
    });
    await endThread(pool);
    expect(pool.size).toBe(1);
    const next = await fetchElsewhere(pool, good('1'));
    expect(await publish(next, 'Patient.ndjson')).toEqual(whole);
    let hasClosed = false;
    const closing = pool.close().then(() => (hasClosed = true));
    await expect.poll(() => hasClosed, { timeout: 4000 }).toBe(true);
    await closing;
    // Lets it return, and end.
    await (await open(pipe, 'w')).close();
  });

  test('in the middle: an abort is obeyed all the same, and other files are put off', async () => {
    const pool = makePool({ file: stuck, limits: { ready: 60_000, abort: 100 } });
    const abort = new AbortController();
    let hasBegun = false;
    const other = failed(fetchElsewhere(pool, good('1'), { onProgress: () => void (hasBegun = true) }));
    const fetching = failed(fetchElsewhere(pool, good('2'), { signal: abort.signal }));
    await expect.poll(() => hasBegun, { timeout: 30_000 }).toBe(true);
    abort.abort(new Error('cancelled'));
    expect(await fetching).toBe(abort.signal.reason);
    expect(await other).toMatchObject({ name: 'ThreadEndedError', wasAlone: false });
  });
});
