import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Fault, SampleServer } from '../../dev/sample-server/index.ts';
import { operationOutcome } from '../../dev/sample-server/index.ts';
import type { PollStatusResult } from '../../src/activities/poll-status.ts';
import { pollStatus } from '../../src/activities/poll-status.ts';
import type { Attempt } from '../../src/activities/run-activity.ts';
import type { Config } from '../../src/config.ts';
import { HttpClient } from '../../src/http/http-client.ts';
import { depsOf } from '../support/activity-deps.ts';
import type { Answer, AnsweringServer } from '../support/answering-server.ts';
import { startAnswering } from '../support/answering-server.ts';
import type { Stack } from '../support/stack.ts';
import { serverEntry, startStack } from '../support/stack.ts';

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
    ['a 4xx that is not FHIR, three times', answer(413, 'too many files'), 'ExportFailed', /too many files/, 3, true],
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

test('a 4xx that is not FHIR may be said once by somebody on the way', async () => {
  hospital.faults.add({ route: 'status', do: answer(400, '<html>Bad Request</html>') });
  expect((await stack.run(SMALL)).status).toBe('complete');
  expect(of('delete')).toHaveLength(1);
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

describe('one poll after another, of a server', () => {
  const http = new HttpClient();
  const page = { transactionTime: '2026-01-01T00:00:00Z', requiresAccessToken: false, error: [] };
  let server: AnsweringServer;
  let root: string;
  beforeAll(async () => {
    server = await startAnswering(() => ({ status: 404 }));
  });
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'polls-'));
    const job = { generation: 1, unanswered: 0, separateStatus: false, partial: true, warnings: [] };
    await mkdir(inside(), { recursive: true });
    await writeFile(inside('export.json'), JSON.stringify({ mark: 'mark' }));
    await writeFile(inside('job.json'), JSON.stringify({ ...job, statusUrl: `${server.origin}/status/1` }));
  });
  afterEach(() => rm(root, { recursive: true }));
  afterAll(async () => {
    await http.close();
    await server.close();
  });

  const inside = (name = '') => join(root, 'export/.export', name);
  function poll(): Promise<PollStatusResult> {
    const config: Config = {
      servers: { one: serverEntry(`${server.origin}/r4`, {}) },
      destinations: { local: { type: 'directory', path: root } },
    };
    const ref = { server: 'one', destination: 'local', path: 'export', mark: 'mark', generation: 1 };
    const attempt: Attempt = { number: 1, signal: new AbortController().signal, report: () => {} };
    return new MockActivityEnvironment().run(() => pollStatus(depsOf(config, http), { ref }, attempt));
  }

  test('pages that are ready are not indexed again each time', async () => {
    let ready = 1;
    server.answer = ({ url }) => {
      const number = Number(/\d+/.exec(url)?.[0]);
      if (number > ready) return { status: 202 };
      const link = [{ relation: 'next', url: `/status/${number + 1}` }];
      return { status: 202, body: { ...page, output: [{ type: 'Patient', url: `/file/${number}` }], link } };
    };
    // Whatever is written is another file.
    const written = async () => (await stat(inside('entries/summary.json'), { bigint: true })).ino;

    expect(await poll()).toMatchObject({ kind: 'inProgress', manifest: { pages: 1, entries: 1 } });
    const first = await written();
    expect(await poll()).toMatchObject({ kind: 'inProgress', manifest: { pages: 1, entries: 1 } });
    expect(await written()).toBe(first);
    ready = 2;
    expect(await poll()).toMatchObject({ kind: 'inProgress', manifest: { pages: 2, entries: 2 } });
    // The report of that poll was lost, and the index with it.
    await rm(inside('entries/summary.json'));
    expect(await poll()).toMatchObject({ kind: 'inProgress', manifest: { pages: 2, entries: 2 } });
  });

  test('relative links of a page are taken from where it came from after a redirect', async () => {
    const to = (location: string) => ({ status: 303, headers: { location } });
    const answers: Record<string, Answer> = {
      '/status/1': to('/results/a/manifest.json'),
      '/results/a/manifest.json': {
        body: { ...page, output: [{ type: 'Patient', url: 'one' }], link: [{ relation: 'next', url: 'second' }] },
      },
      '/results/a/second': to('/results/b/manifest.json'),
      '/results/b/manifest.json': { body: { ...page, output: [{ type: 'Patient', url: 'two' }] } },
    };
    server.answer = ({ url }) => answers[url] ?? { status: 404 };
    expect(await poll()).toMatchObject({ kind: 'complete', manifest: { pages: 2, entries: 2 } });
    const names = (await readdir(inside('entries'))).filter((name) => name !== 'summary.json');
    const entries = (await Promise.all(names.map((name) => readFile(inside(`entries/${name}`), 'utf8')))).join();
    for (const path of ['/results/a/one', '/results/b/two']) expect(entries).toContain(`"${server.origin}${path}"`);
  });

  test('a far time to wait is believed for a day', async () => {
    const headers = { 'retry-after': String(365 * 24 * 3600) };
    for (const status of [202, 503]) {
      server.answer = () => ({ status, headers });
      expect(await poll()).toMatchObject({ retryAfter: 24 * 3600 * 1000 });
    }
  });
});
