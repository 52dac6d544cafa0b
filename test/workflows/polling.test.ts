import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Fault, SampleServer } from '../../dev/sample-server/index.ts';
import { operationOutcome } from '../../dev/sample-server/index.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

let stack: Stack;
let hospital: SampleServer;

beforeAll(async () => {
  stack = await startStack({
    servers: { hospital: { patients: 5, pollsUntilReady: 0, retryAfter: '' } },
    timeouts: { headers: 700, body: 700 },
  });
  hospital = stack.servers['hospital'] as SampleServer;
});
afterAll(() => stack.close());
beforeEach(() => {
  hospital.journal.length = 0;
  hospital.faults.clear();
});

const SMALL = { parameters: { _type: 'Patient' } };
const of = (...routes: string[]) => hospital.journal.filter(({ route }) => routes.includes(route));
const answer = (status: number, body = '', headers: Record<string, string> = {}) =>
  ({ kind: 'answer', status, body, headers }) as const;
const transient = operationOutcome({ severity: 'error', code: 'timeout', text: 'try again' });
const final = operationOutcome({ severity: 'error', code: 'processing', text: 'the job broke' });
const FUTURE = 2_000_000_000_000;

describe('no request comes earlier than Retry-After asked for', () => {
  test.each([
    ['seconds', { 'Retry-After': '2' }, 2000],
    [
      'an HTTP date, against the clock of the server',
      { 'Retry-After': new Date(FUTURE + 2000).toUTCString(), Date: new Date(FUTURE).toUTCString() },
      2000,
    ],
    ['epoch seconds', { 'Retry-After': String((FUTURE + 2000) / 1000), Date: new Date(FUTURE).toUTCString() }, 2000],
    ['epoch milliseconds', { 'Retry-After': String(FUTURE + 2000), Date: new Date(FUTURE).toUTCString() }, 2000],
  ])('%s', async (_, headers, wait) => {
    hospital.faults.add({ route: 'status', do: answer(202, '', headers) });
    await stack.run(SMALL);
    const [first, second] = of('status');
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(wait);
  });

  test.each(['abc', '-5', '0', 'Thu, 01 Jan 1970 00:00:00 GMT', '  '])(
    '"%s" says nothing: our own backoff',
    async (value) => {
      hospital.faults.add({ route: 'status', times: 3, do: answer(202, '', { 'Retry-After': value }) });
      await stack.run(SMALL);
      const times = of('status').map(({ at }) => at);
      expect(times).toHaveLength(4);
      for (const [place, at] of times.slice(1).entries())
        expect(at - (times[place] as number)).toBeGreaterThanOrEqual(50);
    },
  );

  test('a long Retry-After is waited for, until an operator says pollNow', async () => {
    hospital.faults.add({
      route: 'status',
      do: answer(202, '', { 'Retry-After': '18000', 'X-Progress': '12% complete' }),
    });
    const started = await stack.start(SMALL);
    await expect.poll(async () => (await started.progress()).serverProgress, { timeout: 15_000 }).toBe('12% complete');
    const { nextPollAt, phase, polls } = await started.progress();
    expect(phase).toBe('waiting');
    expect(polls).toBe(1);
    expect(Date.parse(nextPollAt ?? '') - Date.now()).toBeGreaterThan(17_900_000);
    await started.pollNow();
    expect((await started.result()).status).toBe('complete');
  });
});

describe('a poll that fails is not a job that failed', () => {
  test.each([
    ['429', answer(429)],
    ['503 as a page', answer(503, '<html>busy</html>')],
    ['500 with a transient outcome', answer(500, transient)],
    ['408', answer(408)],
    ['404 right after the kick-off', answer(404)],
    ['200 with a page instead of a manifest', answer(200, '<html>log in</html>')],
    ['200 with an empty object', answer(200, '{}')],
    ['a dropped connection', { kind: 'drop' }],
    ['no headers', { kind: 'hang' }],
  ] as const)('%s', async (_, fault) => {
    hospital.faults.add({ route: 'status', times: 2, do: fault });
    const report = await stack.run(SMALL);
    expect(report.status).toBe('complete');
    expect(of('status')).toHaveLength(3);
    expect(of('kickOff')).toHaveLength(1);
  });
});

describe('a job that failed, or that the server forgot, ends the run with its own code', () => {
  test.each([
    ['a final outcome', answer(500, final), 'ExportFailed', /the job broke/, 1, true],
    [
      'transient and final issues together',
      answer(500, final.replace('"issue":[', '"issue":[{"severity":"error","code":"throttled"},')),
      'ExportFailed',
      /throttled.*the job broke/,
      1,
      true,
    ],
    ['an outcome with 200', answer(200, final), 'ExportFailed', /the job broke/, 1, true],
    ['a 4xx that is not FHIR', answer(413, 'too many files'), 'ExportFailed', /too many files/, 1, true],
    ['410', answer(410), 'ExportGone', /HTTP 410/, 1, false],
    ['404 for long', answer(404), 'ExportGone', /HTTP 404/, 2, false],
    ['200 without a manifest, three times', answer(200, '<html>log in</html>'), 'InvalidManifest', /a page/, 3, false],
    ['an outage for long', answer(503), 'ServerUnavailable', /HTTP 503/, 3, false],
    ['401', answer(401), 'AuthorizationFailed', /HTTP 401/, 1, false],
  ] as const)('%s', async (_, fault, code, message, polls, deleted) => {
    hospital.faults.add({ route: 'status', times: Infinity, do: fault });
    const failure = await stack.fail(SMALL);
    expect(failure.code).toBe(code);
    expect(failure.message).toMatch(message);
    expect(of('status').length).toBeGreaterThanOrEqual(polls);
    expect(of('delete')).toHaveLength(deleted ? 1 : 0);
  });
});

describe('X-Export-Status', () => {
  const separate = { ...SMALL, prefer: ['separate-export-status'] as const };

  test('an HTTP error is a failed poll, whatever it says', async () => {
    hospital.faults.add({ route: 'status', times: 2, do: answer(500, final) });
    expect((await stack.run(separate)).status).toBe('complete');
  });

  test('202 is in progress, with a status of 200', async () => {
    hospital.faults.add({
      route: 'status',
      times: 2,
      do: answer(200, '', { 'X-Export-Status': '202 Accepted', 'Retry-After': '1' }),
    });
    expect((await stack.run(separate)).status).toBe('complete');
    expect(of('status')).toHaveLength(3);
  });

  test('an error is the end of the job', async () => {
    hospital.faults.add({
      route: 'status',
      do: answer(200, final, { 'X-Export-Status': '500 Internal Server Error' }),
    });
    expect(await stack.fail(separate)).toMatchObject({
      code: 'ExportFailed',
      message: expect.stringContaining('the job broke'),
    });
  });
});

describe('the manifest', () => {
  const manifest = (transform: (manifest: never) => unknown): Fault => ({
    kind: 'transformManifest',
    transform: transform as (manifest: object) => unknown,
  });

  test.each([
    [
      'missing error, deleted and request',
      (m: Record<string, unknown>) => ({ ...m, error: undefined, deleted: undefined, request: undefined }),
    ],
    ['unknown fields', (m: Record<string, unknown>) => ({ ...m, JobID: 7, extension: { a: 1 } })],
    [
      'relative URLs',
      (m: { output: { url: string }[] }) => ({
        ...m,
        output: m.output.map((item) => ({ ...item, url: item.url.replace(/^https?:\/\/[^/]*/, '') })),
      }),
    ],
  ])('%s: read all the same', async (_, transform) => {
    hospital.faults.add({ route: 'status', times: Infinity, do: manifest(transform) });
    expect((await stack.run(SMALL)).files).toBe(1);
  });

  test('a 202 with a manifest is not complete', async () => {
    const body = JSON.stringify({
      transactionTime: '2026-01-01T00:00:00Z',
      requiresAccessToken: false,
      output: [],
      error: [],
    });
    hospital.faults.add({ route: 'status', times: 2, do: answer(202, body, { 'Retry-After': '1' }) });
    expect((await stack.run(SMALL)).files).toBe(1);
  });

  test('an entry without a URL is never left out silently', async () => {
    hospital.faults.add({
      route: 'status',
      times: Infinity,
      do: manifest((m: { output: object[] }) => ({ ...m, output: [...m.output, { type: 'Patient' }] })),
    });
    expect(await stack.fail(SMALL)).toMatchObject({
      code: 'InvalidManifest',
      message: expect.stringContaining('output[1] has no url'),
    });
  });

  test('a page that links back to an earlier one is refused', async () => {
    const self = hospital.jobs().at(-1);
    expect(self).toBeDefined();
    hospital.faults.add({
      route: 'status',
      times: Infinity,
      do: manifest((m: object) => ({
        ...m,
        link: [{ relation: 'next', url: hospital.jobs().at(-1)?.statusUrl }],
      })),
    });
    expect(await stack.fail(SMALL)).toMatchObject({
      code: 'InvalidManifest',
      message: expect.stringContaining('links back'),
    });
  });

  test('a file at a cloud metadata address is not asked', async () => {
    hospital.faults.add({
      route: 'status',
      times: Infinity,
      do: manifest((m: object) => ({
        ...m,
        output: [{ type: 'Patient', url: 'http://169.254.169.254/latest' }],
      })),
    });
    expect(await stack.fail(SMALL)).toMatchObject({
      code: 'IncompleteExport',
      message: expect.stringContaining('link-local'),
    });
  });
});

test('pages that are ready are fetched while the server still works on the others', async () => {
  const paged = await startStack({
    servers: { paged: { patients: 20, linesPerFile: 50, pollsUntilReady: 6, pageSize: 3, retryAfter: '1' } },
  });
  try {
    const server = paged.servers['paged'] as SampleServer;
    const report = await paged.run({ parameters: { allowPartialManifests: true } });
    await expectExactFiles(report.location, server);
    const lastInProgress = server.journal.findLastIndex(
      ({ route, status }) => ['status', 'page'].includes(route) && status === 202,
    );
    expect(server.journal.findIndex(({ route }) => route === 'file')).toBeLessThan(lastInProgress);
    const files = server.journal.filter(({ route }) => route === 'file').map(({ url }) => url.replace(/\?.*/, ''));
    expect(new Set(files).size).toBe(files.length);
  } finally {
    await paged.close();
  }
});
