import { readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import type { Fetched } from '../../../src/download/threads/fetched.ts';
import { ThreadEndedError } from '../../../src/download/threads/thread-errors.ts';
import type { FileServer, Served } from '../../support/file-server.ts';
import { serveFile } from '../../support/file-server.ts';
import {
  THREAD,
  NOT_ASKED_FOR,
  becomeFree,
  codeOf,
  fetchElsewhere,
  lines,
  makePool,
  orderOf,
  publish,
  root,
  sha256,
  threadWith,
  useThreads,
  watching,
} from './threads-under-test.ts';

const MIB = 1024 * 1024;
const content = lines(8 * MIB);
const servers: FileServer[] = [];

useThreads();
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));

async function serveLines(more: Partial<Served> = {}): Promise<FileServer> {
  const server = await serveFile({
    size: content.length,
    bytes: (from, to) => content.subarray(from, to),
    ...more,
  });
  servers.push(server);
  return server;
}

const trouble = (fetched: Fetched) => (fetched.kind === 'trouble' ? fetched.trouble : undefined);
const parts = async () => (await readdir(join(root, 'export/.export/parts')).catch((): string[] => [])).sort();

describe('where a file is fetched', () => {
  test('one after another: all in this thread, and no other is started', async () => {
    const pool = makePool({ file: new URL('data:text/javascript,process.exit()') });
    for (let file = 0; file < 3; file++) {
      expect(await pool.fetch(orderOf('http://127.0.0.1/'), watching(), async () => NOT_ASKED_FOR)).toBe(NOT_ASKED_FOR);
    }
    expect(pool.size).toBe(1);
  });

  test('small ones, however many: in this thread', async () => {
    const pool = makePool();
    let here = 0;
    const small = { ...orderOf('http://127.0.0.1/'), isSmall: true };
    const fetching = [1, 2, 3].map(() => pool.fetch(small, watching(), async () => ((here += 1), NOT_ASKED_FOR)));
    await Promise.all(fetching);
    expect([here, pool.size]).toEqual([3, 1]);
  });

  test('many at once, by three threads: each is stored byte for byte', async () => {
    const { url } = await serveLines();
    const pool = makePool({ threads: 3 });
    const names = Array.from({ length: 12 }, (_, file) => `Patient.${file}.ndjson`);
    const stored = await Promise.all(
      names.map(async (name, file) => publish(await fetchElsewhere(pool, orderOf(url, { label: String(file) })), name)),
    );
    expect(pool.size).toBe(3);
    const whole = sha256(content);
    expect(stored).toEqual(names.map(() => ({ checked: whole, stored: whole })));
    expect(await parts()).toEqual([]);
  });

  test('a thread without work ends, and another one is started for the next file', async () => {
    const { url } = await serveLines();
    const pool = makePool({ idle: 20 });
    for (const label of ['0', '1']) {
      const fetched = await fetchElsewhere(pool, orderOf(url, { label }));
      // Its part is there, and still to be published.
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(pool.size).toBe(2);
      await publish(fetched, `Patient.${label}.ndjson`);
      await expect.poll(() => pool.size).toBe(1);
      await becomeFree();
    }
  });

  test('where no thread can be started: in this one', async () => {
    const pool = makePool({ file: new URL('./missing.js', THREAD) });
    let here = 0;
    const count = async (): Promise<Fetched> => {
      here++;
      await new Promise((resolve) => setTimeout(resolve, 1000));
      return NOT_ASKED_FOR;
    };
    const fetching = [1, 2, 3].map(() => pool.fetch(orderOf('http://127.0.0.1/'), watching(), count));
    expect(await Promise.all(fetching)).toEqual([NOT_ASKED_FOR, NOT_ASKED_FOR, NOT_ASKED_FOR]);
    expect(here).toBe(3);
  });
});

describe('a file in another thread', () => {
  test('is reported while it comes, and resumes behind what an earlier attempt left', async () => {
    const server = await serveLines({ breakAt: (request) => (request === 0 ? 5 * MIB : undefined) });
    const pool = makePool();
    const broken = trouble(await fetchElsewhere(pool, orderOf(server.url)));
    expect(broken).toMatchObject({ cause: 'outage', reached: expect.any(Number) });
    const reported: number[][] = [];
    const again = await fetchElsewhere(pool, orderOf(server.url), {
      onProgress: (bytes, resumedAt) => reported.push([bytes, resumedAt]),
    });
    const { reached = 0 } = broken as { reached?: number };
    expect(reached).toBeGreaterThan(4 * MIB);
    expect(server.ranges).toEqual([0, reached]);
    expect(reported[0]?.[1]).toBe(reached);
    expect(await publish(again, 'Patient.ndjson')).toEqual({ checked: sha256(content), stored: sha256(content) });
  });

  test('that is aborted keeps what has come, and ends as its signal says', async () => {
    const server = await serveLines({ breakAt: (request) => (request === 0 ? 5 * MIB : undefined), stall: true });
    const pool = makePool();
    const abort = new AbortController();
    const reason = new Error('cancelled');
    let hasBegun = false;
    const watch = { signal: abort.signal, onProgress: () => void (hasBegun = true) };
    const fetching = fetchElsewhere(pool, orderOf(server.url), watch).catch((error: unknown) => error);
    await expect.poll(() => hasBegun, { timeout: 20_000 }).toBe(true);
    abort.abort(reason);
    expect(await fetching).toBe(reason);
    // It is kept before the attempt ends.
    expect(await parts()).toEqual([expect.stringMatching(/checkpoint/), expect.stringMatching(/part$/)]);
    await publish(await fetchElsewhere(pool, orderOf(server.url)), 'Patient.ndjson');
    expect(server.ranges[1]).toBeGreaterThan(0);
  });

  test('that was aborted before it began is not asked for', async () => {
    const server = await serveLines();
    const pool = makePool();
    const reason = new Error('cancelled');
    const fetching = fetchElsewhere(pool, orderOf(server.url), { signal: AbortSignal.abort(reason) });
    await expect(fetching).rejects.toBe(reason);
    expect(server.ranges).toEqual([]);
  });

  test('is published only while the folder may be changed, which is looked at last', async () => {
    // It could not be resumed, so nothing of it is to be kept.
    const { url } = await serveLines({ etag: 'W/"one"' });
    const pool = makePool();
    const refusal = new Error('another run has the folder');
    let asked = 0;
    let mayChange = (): void => {};
    const watch = {
      mayChange: async () => {
        asked++;
        mayChange();
      },
    };
    const fetched = await fetchElsewhere(pool, orderOf(url), watch);
    if (fetched.kind !== 'checked') throw new Error('it did not come');
    await fetched.part.finish();
    expect(asked).toBe(0);
    mayChange = () => {
      throw refusal;
    };
    await expect(fetched.part.publish('Patient.ndjson')).rejects.toBe(refusal);
    expect(await readdir(join(root, 'export'))).toEqual(['.export']);
    expect(await parts()).toEqual([expect.stringMatching(/part$/)]);
    expect(await fetched.part.keep()).toBe(0);
    expect(await parts()).toEqual([]);
  });

  test.each([
    ['a destination that this worker does not know', { destination: 'other' }, 'UnknownDestination'],
    ['a folder that cannot be made', { destination: 'file' }, 'DestinationFailed'],
  ])('%s fails with its code', async (_, more, code) => {
    const pool = makePool({ destinations: { file: { type: 'directory', path: '/dev/null' } } });
    await expect(fetchElsewhere(pool, orderOf('http://127.0.0.1/', more))).rejects.toMatchObject({
      name: 'ExportError',
      code,
    });
  });
});

test('a thread does not repeat what the AWS SDK says of the version of Node', async () => {
  const code = `import { parentPort } from 'node:worker_threads';
    import s3 from ${JSON.stringify(pathToFileURL(createRequire(import.meta.url).resolve('@aws-sdk/client-s3')).href)};
    process.on('warning', () => process.exit(5));
    Object.defineProperty(process, 'version', { value: 'v16.0.0' });
    new s3.S3Client({ region: 'x', credentials: { accessKeyId: 'x', secretAccessKey: 'x' } });
    process.nextTick(() => parentPort.postMessage({ kind: 'ready' }));
    parentPort.on('message', ({ order }) => parentPort.postMessage({ kind: 'fetched', order, outcome: 'quiet' }));`;
  const pool = makePool({ file: codeOf(code) });
  expect(await fetchElsewhere(pool, orderOf('http://127.0.0.1/'))).toBe('quiet');
});

describe('a thread that ends', () => {
  test.each([
    ['throws', 'throw new Error("a patient’s name")', 'Error'],
    ['exits', 'process.exit(3)', 'exit code 3'],
  ])('because it %s: fails the files that it had; the next one goes to a new thread', async (_, action, why) => {
    let isSlow = true;
    const server = await serveLines({ breakAt: () => (isSlow ? 5 * MIB : undefined), stall: true });
    const pool = makePool({ file: threadWith(action) });
    const fetching = ['poison', '1'].map((label) => fetchElsewhere(pool, orderOf(server.url, { label })));
    for (const ended of await Promise.allSettled(fetching)) {
      expect(ended).toMatchObject({ status: 'rejected', reason: { message: expect.stringContaining(`(${why})`) } });
      expect((ended as PromiseRejectedResult).reason).toBeInstanceOf(ThreadEndedError);
    }
    expect(pool.size).toBe(1);
    isSlow = false;
    await becomeFree();
    // Here is the least work, and here it must not be fetched: the worker would end with it.
    const next = await fetchElsewhere(pool, orderOf(server.url, { label: '1' }));
    expect(await publish(next, 'Patient.ndjson')).toEqual({ checked: sha256(content), stored: sha256(content) });
  });

  test('while a file is published: fails that, and the part can be closed', async () => {
    const server = await serveLines();
    const pool = makePool({ file: threadWith('process.exit(3)') });
    const fetched = await fetchElsewhere(pool, orderOf(server.url));
    if (fetched.kind !== 'checked') throw new Error('it did not come');
    await fetchElsewhere(pool, orderOf('http://127.0.0.1:9/', { label: 'poison' })).catch(() => {});
    await expect.poll(() => pool.size).toBe(1);
    await expect(fetched.part.publish('Patient.ndjson')).rejects.toBeInstanceOf(ThreadEndedError);
    await fetched.part.keep().catch(() => {});
    await fetched.part.discard();
  });
});
