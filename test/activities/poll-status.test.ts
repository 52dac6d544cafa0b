import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Fault, SampleServer } from '../../dev/sample-server/index.ts';
import { operationOutcome } from '../../dev/sample-server/index.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

let stack: Stack;
let hospital: SampleServer;

beforeAll(async () => {
  stack = await startStack({
    servers: {
      hospital: { patients: 5, pollsUntilReady: 0, retryAfter: '' },
      unsaid: { patients: 5, pollsUntilReady: 0, retryAfter: '', separateStatus: false },
    },
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

const final = operationOutcome({ severity: 'error', code: 'processing', text: 'the job broke' });

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
    ['a 4xx that is not FHIR, for a while', answer(413, 'too many files'), 'ExportFailed', /too many files/, 3, true],
    ['410', answer(410), 'ExportGone', /HTTP 410/, 1, false],
    ['404 for long', answer(404), 'ExportGone', /HTTP 404/, 2, false],
    ['200 without a manifest, for a while', answer(200, '<html>log in</html>'), 'InvalidManifest', /a page/, 3, false],
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

test.each([
  ['a 4xx that is not FHIR', answer(400, '<html>Bad Request</html>')],
  ['a page', answer(200, '<html>Maintenance</html>')],
])('%s may be said for a moment by somebody on the way', async (_, fault) => {
  hospital.faults.add({ route: 'status', times: 4, do: fault });
  expect((await stack.run(SMALL)).status).toBe('complete');
  expect([of('status').length, of('delete').length]).toEqual([5, 1]);
});

describe('a page with 403', () => {
  const blocked = answer(403, '<html><h1>Request blocked</h1></html>');

  test('is a firewall that lets nobody in for a while', async () => {
    hospital.faults.add({ route: 'status', times: 4, do: blocked });
    expect((await stack.run(SMALL)).status).toBe('complete');
    expect(of('status').map(({ status }) => status)).toEqual([403, 403, 403, 403, 200]);
  });

  test('for long is named, and the job is kept', async () => {
    hospital.faults.add({ route: 'status', times: Infinity, do: blocked });
    expect(await stack.fail(SMALL)).toMatchObject({
      code: 'AuthorizationFailed',
      message: expect.stringMatching(/nobody was let in .*firewall.*HTTP 403: \(a page, not FHIR\) Request blocked/),
    });
    expect([of('status').length > 5, of('delete').length]).toEqual([true, 0]);
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

describe('a server that does not say that it knows separate-export-status', () => {
  const server = () => stack.servers['unsaid'] as SampleServer;
  beforeEach(() => server().faults.clear());

  test('Preference-Applied in one header or in several says that an HTTP error is a failed poll', async () => {
    for (const value of ['respond-async, separate-export-status', ['respond-async', 'separate-export-status']]) {
      server().faults.add({
        route: 'kickOff',
        do: { kind: 'headers', set: { 'Preference-Applied': value } },
      });
      server().faults.add({ route: 'status', do: answer(500, final) });
      const report = await stack.run({ ...SMALL, server: 'unsaid', prefer: ['separate-export-status'] });
      expect(report.status).toBe('complete');
    }
  });

  test('without Preference-Applied it is a failed job, whatever was asked for', async () => {
    server().faults.add({ route: 'status', do: answer(500, final) });
    const failure = await stack.fail({ ...SMALL, server: 'unsaid', prefer: ['separate-export-status'] });
    expect(failure.code).toBe('ExportFailed');
  });
});
