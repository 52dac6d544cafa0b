import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { ExportProgress } from '../../src/contract.ts';
import { POLL_NOW, PROGRESS } from '../../src/contract.ts';
import type { Limits } from '../../src/policy/limits.ts';
import type { LinkServer, LinkServerOptions, LinkedFile } from '../support/link-server.ts';
import { startAnswering } from '../support/answering-server.ts';
import { startLinkServer } from '../support/link-server.ts';
import { SHORT_LIMITS } from '../support/short-limits.ts';
import type { Stack } from '../support/stack.ts';
import { quiet, serverEntry, startStack } from '../support/stack.ts';

const YEAR = String(365 * 24 * 3600);

let stack: Stack;
let server: LinkServer | undefined;
const limits: Limits = { ...SHORT_LIMITS };
let names = 0;

beforeAll(async () => {
  quiet();
  stack = await startStack({ servers: {}, workers: false, limits });
});
afterAll(() => stack.close());
afterEach(async () => {
  await stack.stopWorkers();
  await server?.close();
});

async function serve(
  options: LinkServerOptions,
  slots: number,
  own: Partial<Limits>,
): Promise<{ server: LinkServer; name: string }> {
  Object.assign(limits, SHORT_LIMITS, own);
  server = await startLinkServer(options);
  const name = `putting-off-${++names}`;
  stack.config.servers[name] = serverEntry(server.origin, { maxConcurrentDownloads: slots });
  await stack.startWorkers();
  return { server, name };
}

const patients = (count: number): LinkedFile[] =>
  Array.from({ length: count }, (_, place) => ({ id: `p${place}`, type: 'Patient', lines: 2 }));
const asked = (server: LinkServer, id: string) => server.asked.filter((one) => one.id === id);

test('a file that is to wait for a year holds the others for a bounded time, and then one of them asks', async () => {
  const { server, name } = await serve({ files: patients(30) }, 4, { hold: 6000 });
  server.answer = (id) => (id === 'p0' ? { status: 503, headers: { 'retry-after': YEAR } } : undefined);
  const started = await stack.start({ server: name });
  const done = () => new Set(server.asked.filter(({ status }) => status === 200).map(({ id }) => id)).size;
  await expect.poll(done, { timeout: 30_000 }).toBe(29);
  const [first] = asked(server, 'p0');
  // Nobody asks while it holds: what was on its way before may arrive late. Then not all at once.
  const times = server.asked.map(({ at }) => at).filter((at) => at >= (first?.at ?? 0));
  const gaps = times.slice(1).map((at, place) => at - (times[place] ?? 0));
  expect(Math.max(...gaps)).toBeGreaterThanOrEqual(3000);
  expect(asked(server, 'p0')).toHaveLength(1);

  // The workflow hears of files when their batch ends.
  await expect
    .poll(async () => (await started.handle.query<ExportProgress>(PROGRESS)).files, { timeout: 10_000 })
    .toMatchObject({ total: 30, done: 29, waiting: 1, running: 0 });
  const before = Date.now();
  server.answer = () => undefined;
  await started.handle.signal(POLL_NOW);
  expect((await started.result()).files).toBe(30);
  expect(Date.now() - before).toBeLessThan(10_000);
});

test('a file that is to wait for longer than the files last is asked for before they end', async () => {
  const expires = new Date(Date.now() + 15_000).toUTCString();
  const { server, name } = await serve({ files: patients(2), headers: () => ({ expires }) }, 2, { hold: 1000 });
  server.answer = (id) =>
    id === 'p0' && asked(server, id).length === 0 ? { status: 503, headers: { 'retry-after': YEAR } } : undefined;
  expect((await stack.run({ server: name })).files).toBe(2);
  const [first, second] = asked(server, 'p0');
  expect([first?.status, second?.status]).toEqual([503, 200]);
  // Not at once either.
  expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThan(5000);
  expect(second?.at).toBeLessThan(Date.parse(expires));
}, 60_000);

test('but not before links end that a new reading brings anew', async () => {
  const headers = () => ({ expires: new Date(Date.now() + 4000).toUTCString() });
  const { server, name } = await serve({ files: patients(2), headers }, 2, { hold: 1000, outage: 3_600_000 });
  server.answer = (id) =>
    id === 'p0' && asked(server, id).length === 0 ? { status: 503, headers: { 'retry-after': '9' } } : undefined;
  expect((await stack.run({ server: name })).files).toBe(2);
  const [first, second] = asked(server, 'p0');
  expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(9000);
  expect(server.readings.length).toBeGreaterThan(1);
}, 60_000);

test('pollNow ends every wait of downloads, the worker’s own as well', async () => {
  const { server, name } = await serve({ files: patients(6) }, 2, { outage: 3_600_000 });
  server.answer = () => ({ status: 429, headers: { 'retry-after': '600' } });
  const started = await stack.start({ server: name });
  await expect.poll(() => server.asked.length, { timeout: 20_000 }).toBeGreaterThan(0);
  const since = Date.now();
  await expect
    .poll(async () => (await started.handle.query<ExportProgress>(PROGRESS)).standsStillSince, { timeout: 10_000 })
    .toBeDefined();
  const { standsStillSince = '' } = await started.handle.query<ExportProgress>(PROGRESS);
  expect(Math.abs(Date.parse(standsStillSince) - since)).toBeLessThan(5000);
  const before = server.asked.length;
  // Asked again, and put off again.
  await started.handle.signal(POLL_NOW);
  await expect.poll(() => server.asked.length, { timeout: 10_000 }).toBeGreaterThan(before);
  expect((await started.handle.query<ExportProgress>(PROGRESS)).standsStillSince).toBe(standsStillSince);
  server.answer = () => undefined;
  await started.handle.signal(POLL_NOW);
  expect((await started.result()).files).toBe(6);
  expect((await started.handle.query<ExportProgress>(PROGRESS)).standsStillSince).toBeUndefined();
});

test('hundreds of files that fail do not stop the others', async () => {
  const { server, name } = await serve({ files: patients(510) }, 2, { outage: 3_600_000 });
  const isGood = (id: string): boolean => Number(id.slice(1)) >= 500;
  server.answer = (id) => (isGood(id) ? undefined : { status: 500, headers: { 'retry-after': '3600' } });
  const started = await stack.start({ server: name });
  const good = () => server.asked.filter(({ status }) => status === 200).length;
  await expect.poll(good, { timeout: 30_000 }).toBe(10);
  server.answer = () => undefined;
  await started.handle.signal(POLL_NOW);
  expect((await started.result()).files).toBe(510);
});

test('files that fail and are too many to be kept are tried again when all others are done', async () => {
  const { server, name } = await serve({ files: patients(40) }, 4, { mostRetries: 5, outage: 3_600_000 });
  const failed = new Set<string>();
  server.answer = (id) => (failed.size < failed.add(id).size && Number(id.slice(1)) < 20 ? { status: 500 } : undefined);
  expect((await stack.run({ server: name })).files).toBe(40);
  for (const { id } of server.asked) expect(asked(server, id).length).toBeLessThanOrEqual(2);
});

test('and are given up with them', async () => {
  const { server, name } = await serve({ files: patients(40) }, 4, { mostRetries: 5, outage: 1500 });
  server.answer = (id) => (Number(id.slice(1)) < 20 ? { status: 500 } : undefined);
  expect(await stack.fail({ server: name })).toMatchObject({
    code: 'IncompleteExport',
    message: expect.stringMatching(/^IncompleteExport: 20 of 40 files/),
  });
  expect(server.asked.filter(({ status }) => status === 200)).toHaveLength(20);
});

test('the files that run are those that have a slot, and not those that wait for one', async () => {
  const { name } = await serve({ files: patients(24), delay: 400 }, 2, {});
  const started = await stack.start({ server: name });
  const seen: number[] = [];
  await expect
    .poll(
      async () => {
        const { files } = await started.handle.query<ExportProgress>(PROGRESS);
        seen.push(files?.running ?? 0);
        return files?.done ?? 0;
      },
      { timeout: 30_000, interval: 100 },
    )
    .toBe(24);
  await started.result();
  expect(Math.max(...seen)).toBe(2);
});

test.each([
  ['503 for a moment', { status: 503 }],
  ['pages for a moment', { body: '<html>maintenance</html>' }],
])('while the server works on further pages, a file that was put off is fetched again: %s', async (_, fault) => {
  let asked = 0;
  const partial = await startAnswering(({ method, url }) => {
    const page = { transactionTime: '2026-01-01T00:00:00Z', requiresAccessToken: false, output: [], error: [] };
    if (method === 'DELETE') return { status: 202 };
    if (/export/.test(url)) return { status: 202, headers: { 'content-location': `${partial.origin}/status` } };
    if (url === '/status') {
      const output = [{ type: 'Patient', url: `${partial.origin}/file`, count: 1 }];
      return { status: 202, body: { ...page, output, link: [{ relation: 'next', url: `${partial.origin}/page` }] } };
    }
    if (url === '/file') return ++asked <= 2 ? fault : { body: '{"resourceType":"Patient","id":"p"}\n' };
    // Ready when the file has come, and not asked for before long.
    return asked > 2 ? { body: page } : { status: url === '/page' ? 202 : 404, headers: { 'retry-after': '1' } };
  });
  try {
    Object.assign(limits, SHORT_LIMITS, { outage: 3_600_000 });
    const name = `putting-off-${++names}`;
    stack.config.servers[name] = serverEntry(partial.origin, {});
    await stack.startWorkers();
    const report = await stack.run({ server: name, parameters: { allowPartialManifests: true } });
    expect(report).toMatchObject({ status: 'complete', files: 1 });
    expect(asked).toBe(3);
  } finally {
    await partial.close();
  }
});
