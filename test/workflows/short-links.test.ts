import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { LinkServer, LinkServerOptions, LinkedFile } from '../support/link-server.ts';
import { startLinkServer } from '../support/link-server.ts';
import type { Stack } from '../support/stack.ts';
import { quiet, serverEntry, startStack } from '../support/stack.ts';

/** Milliseconds that a link lives, and that a file takes. */
const LIFE = 2000;
const DELAY = 250;
const FILES = 40;

let stack: Stack;
let server: LinkServer | undefined;
let names = 0;

beforeAll(async () => {
  quiet();
  stack = await startStack({ servers: {}, workers: false });
});
afterAll(() => stack.close());
afterEach(async () => {
  await stack.stopWorkers();
  await server?.close();
});

async function serve(options: Partial<LinkServerOptions>, slots = 1): Promise<{ server: LinkServer; name: string }> {
  server = await startLinkServer({ files: patients(FILES), life: LIFE, delay: DELAY, ...options });
  const name = `short-${++names}`;
  stack.config.servers[name] = serverEntry(server.origin, { maxConcurrentDownloads: slots });
  await stack.startWorkers();
  return { server, name };
}

const patients = (count: number): LinkedFile[] =>
  Array.from({ length: count }, (_, place) => ({ id: `p${place}`, type: 'Patient', lines: 2 }));
const amzDate = (now: number): string => new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, '');
const refused = ({ asked }: LinkServer): number => asked.filter(({ status }) => status === 403).length;

/**
 * One reading for what can be fetched in half a life, some at the beginning, while nothing is known, and some for a slow
 * machine: one that is asked without an end is asked far more often.
 */
const MOST_READINGS = (FILES * DELAY) / (LIFE / 2) + 10;

describe('links that live for two seconds, of files that take ten', () => {
  test.each<[string, Partial<LinkServerOptions>, number]>([
    ['whose end nothing says', {}, 24],
    ['that say when they end', { said: (now) => ({ 'X-Amz-Date': amzDate(now), 'X-Amz-Expires': '2' }) }, 2],
  ])('%s', { timeout: 90_000 }, async (_, options, mostRefusals) => {
    const { server, name } = await serve(options);
    const report = await stack.run({ server: name });
    expect(report.files).toBe(FILES);
    expect(server.readings.length).toBeLessThanOrEqual(MOST_READINGS);
    // One that is on its way when the link ends is nobody's fault.
    expect(refused(server)).toBeLessThanOrEqual(mostRefusals);
    const fetched = server.asked.filter(({ status }) => status === 200);
    expect(fetched).toHaveLength(FILES);
  });

  test('and a file that is refused with fresh links too is given up, and no other', { timeout: 90_000 }, async () => {
    const { server, name } = await serve({});
    server.answer = (id) => (id === 'p7' ? { status: 404 } : undefined);
    expect(await stack.fail({ server: name })).toMatchObject({
      code: 'IncompleteExport',
      message: expect.stringMatching(/^IncompleteExport: 1 of 40 files/),
    });
    const tries = server.asked.filter(({ id }) => id === 'p7');
    // Three, or two where the time for it, three seconds here, ends before.
    expect(tries.filter(({ age }) => age < LIFE + DELAY).length).toBeGreaterThanOrEqual(2);
    expect(tries.length).toBeLessThanOrEqual(9);
    expect(server.asked.filter(({ status }) => status === 200)).toHaveLength(FILES - 1);
    expect(server.readings.length).toBeLessThanOrEqual(MOST_READINGS + 4);
  });
});

test('a server that refuses every fresh link is not asked for ever', async () => {
  const { server, name } = await serve({ files: patients(5), delay: 0 }, 4);
  server.answer = () => ({ status: 403 });
  expect(await stack.fail({ server: name })).toMatchObject({ code: 'IncompleteExport' });
  for (const id of ['p0', 'p1', 'p2', 'p3', 'p4'])
    // Three that count, and what a slow machine does with links that are old by then.
    expect(server.asked.filter((one) => one.id === id).length).toBeLessThanOrEqual(8);
  expect(server.readings.length).toBeLessThanOrEqual(9);
});

test('links that say a wrong end are tried all the same', { timeout: 60_000 }, async () => {
  const ended = { 'X-Amz-Date': '20260101T000000Z', 'X-Amz-Expires': '1' };
  const { server, name } = await serve({ files: patients(5), delay: 0, life: 60_000, said: () => ended });
  expect((await stack.run({ server: name })).files).toBe(5);
  // An end that has passed when the link is given is none, and one that comes at once is not believed for ever.
  await server.close();
  await stack.stopWorkers();
  const soon = (now: number) => ({ Signature: 'x', Expires: String((now + 1) / 1000) });
  const { server: other, name: second } = await serve({ files: patients(5), delay: 0, life: 60_000, said: soon });
  expect((await stack.run({ server: second })).files).toBe(5);
  expect(other.readings.length).toBeLessThanOrEqual(6);
});

test('an Expires that a new reading does not move is read for once', { timeout: 60_000 }, async () => {
  const at = new Date(Date.now() + 6000).toUTCString();
  const { server, name } = await serve({ life: 60_000, headers: () => ({ Expires: at }) });
  expect((await stack.run({ server: name })).files).toBe(FILES);
  expect(server.readings.length).toBeLessThanOrEqual(2);
});

test.each([
  [503, ''],
  [403, '<html>Request blocked</html>'],
])(
  'while the manifest cannot be read again, files go on whose links work: %i',
  { timeout: 60_000 },
  async (status, body) => {
    const { server, name } = await serve({ files: patients(12), life: 60_000, delay: 50 });
    const fetched = (): number => server.asked.filter(({ status }) => status === 200).length;
    const times = (id: string): number => server.asked.filter((one) => one.id === id).length;
    server.answer = (id) => (id === 'p1' && times('p1') === 0 ? { status: 404 } : undefined);
    server.refuse = (asked) => (asked > 0 && fetched() < 11 ? { status, body } : undefined);
    expect((await stack.run({ server: name })).files).toBe(12);
    expect(times('p1')).toBe(2);
    expect(server.asked.filter(({ id }) => id !== '')).toHaveLength(13);
  },
);

test('links that cannot be renewed before they end are used until then', { timeout: 90_000 }, async () => {
  const said = (now: number) => ({ 'X-Amz-Date': amzDate(now), 'X-Amz-Expires': '30' });
  const servers: LinkServer[] = [];
  for (const status of [410, 503]) {
    const one = await startLinkServer({ files: patients(2), life: 60_000, said });
    // It is asked for again when a fifth of the links' time is left.
    const isFirst = (id: string): boolean => one.asked.every((other) => other.id !== id);
    one.answer = (id) => (id === 'p0' && isFirst(id) ? { status: 503, headers: { 'retry-after': '26' } } : undefined);
    one.refuse = (asked) => (asked > 0 ? { status, body: '' } : undefined);
    stack.config.servers[`unrenewed-${status}`] = serverEntry(one.origin, {});
    servers.push(one);
  }
  await stack.startWorkers();
  try {
    const reports = await Promise.all([410, 503].map((status) => stack.run({ server: `unrenewed-${status}` })));
    expect(reports.map(({ files }) => files)).toEqual([2, 2]);
  } finally {
    await stack.stopWorkers();
    await Promise.all(servers.map((one) => one.close()));
  }
});
