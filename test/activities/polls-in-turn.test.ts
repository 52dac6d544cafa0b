import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ActivityDeps } from '../../src/activities/deps.ts';
import { pollStatus } from '../../src/activities/poll-status.ts';
import { refreshManifest } from '../../src/activities/refresh-manifest.ts';
import type { Attempt } from '../../src/activities/run-activity.ts';
import type { Config } from '../../src/config.ts';
import { HttpClient } from '../../src/http/http-client.ts';
import { depsOf } from '../support/activity-deps.ts';
import type { Answer, AnsweringServer } from '../support/answering-server.ts';
import { startAnswering } from '../support/answering-server.ts';
import { serverEntry } from '../support/stack.ts';

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
  const ref = { server: 'one', destination: 'local', path: 'export', mark: 'mark', generation: 1 };
  function run<T>(activity: (deps: ActivityDeps, attempt: Attempt) => Promise<T>): Promise<T> {
    const config: Config = {
      servers: { one: serverEntry(`${server.origin}/r4`, {}) },
      destinations: { local: { type: 'directory', path: root } },
    };
    const attempt: Attempt = { number: 1, signal: new AbortController().signal, report: () => {} };
    return new MockActivityEnvironment().run(() => activity(depsOf(config, http), attempt));
  }
  const poll = () => run((deps, attempt) => pollStatus(deps, { ref }, attempt));
  const readAgain = () => run((deps, attempt) => refreshManifest(deps, { ref, reading: 0 }, attempt));

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

  test('a firewall that lets nobody in any more is waited for, when the manifest is read again', async () => {
    server.answer = () => ({ body: { ...page, output: [{ type: 'Patient', url: '/file/1' }] } });
    expect(await poll()).toMatchObject({ kind: 'complete' });
    server.answer = () => ({ status: 403, body: '<html>Request blocked</html>' });
    expect(await readAgain()).toMatchObject({ kind: 'trouble', cause: 'tokenEndpoint', busy: true });
    server.answer = () => ({ status: 403 });
    await expect(readAgain()).rejects.toMatchObject({ code: 'AuthorizationFailed' });
  });

  describe('a signed link to the next page that ends while the server works on that page', () => {
    const expired = '<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>';
    /** Signature that is good; one is made at each request. */
    let good: number;
    let first: { transactionTime?: string; output?: object[] };
    let ended: Answer;
    beforeEach(() => {
      good = 0;
      first = {};
      server.asked.length = 0;
      server.answer = ({ url }) => {
        if (url === '/status/1') {
          const link = [{ relation: 'next', url: `/pages/2?sig=${++good}` }];
          return { status: 202, body: { ...page, output: [{ type: 'Patient', url: '/file/1' }], link, ...first } };
        }
        return url === `/pages/2?sig=${good}`
          ? { body: { ...page, output: [{ type: 'Patient', url: '/file/2' }] } }
          : ended;
      };
    });
    const urls = () => server.asked.map(({ url }) => url);

    test.each<[string, Answer]>([
      ['403 with a page', { status: 403, body: expired }],
      ['403', { status: 403 }],
      ['401', { status: 401 }],
      ['404', { status: 404 }],
      ['410', { status: 410 }],
      ['400', { status: 400, body: expired.replace('AccessDenied', 'ExpiredToken') }],
    ])('%s: is read again from the status URL', async (_, answer) => {
      ended = answer;
      expect(await poll()).toMatchObject({ kind: 'inProgress', manifest: { pages: 1 } });
      good++;
      expect(await poll()).toMatchObject({ kind: 'complete', manifest: { pages: 2, entries: 2 } });
      expect(urls()).toEqual(['/status/1', '/pages/2?sig=1', '/status/1', '/pages/2?sig=3']);
    });

    test('is used from then on', async () => {
      ended = { status: 403 };
      expect(await poll()).toMatchObject({ kind: 'inProgress' });
      good++;
      server.asked.length = 0;
      const answer = server.answer;
      // What the fresh link leads to cannot be asked yet.
      server.answer = (asked) => (asked.url.endsWith('sig=3') ? { status: 503 } : answer(asked));
      expect(await poll()).toMatchObject({ kind: 'trouble', cause: 'outage' });
      server.answer = answer;
      expect(await poll()).toMatchObject({ kind: 'complete', manifest: { pages: 2 } });
      expect(urls()).toEqual(['/pages/2?sig=1', '/status/1', '/pages/2?sig=3', '/pages/2?sig=3']);
    });

    test('is not taken from another manifest, and what the status URL says of the job counts', async () => {
      ended = { status: 404 };
      expect(await poll()).toMatchObject({ kind: 'inProgress' });
      good++;
      first = { transactionTime: '2026-01-02T00:00:00Z' };
      expect(await poll()).toMatchObject({ kind: 'trouble', cause: 'gone' });
      first = { output: [] };
      expect(await poll()).toMatchObject({ kind: 'trouble', cause: 'gone' });
      server.answer = ({ url }) => (url === '/status/1' ? { status: 410 } : ended);
      expect(await poll()).toMatchObject({ kind: 'gone', detail: 'HTTP 410' });
      server.answer = ({ url }) => (url === '/status/1' ? { status: 503 } : ended);
      expect(await poll()).toMatchObject({ kind: 'trouble', cause: 'outage' });
    });

    test('is asked once when it is refused though it is fresh', async () => {
      ended = { status: 403 };
      expect(await poll()).toMatchObject({ kind: 'inProgress' });
      server.asked.length = 0;
      server.answer = ({ url }) => {
        const link = [{ relation: 'next', url: `/pages/2?sig=${++good}` }];
        const output = [{ type: 'Patient', url: '/file/1' }];
        return url === '/status/1' ? { status: 202, body: { ...page, output, link } } : ended;
      };
      await expect(poll()).rejects.toMatchObject({ code: 'AuthorizationFailed' });
      expect(urls()).toHaveLength(3);
    });
  });

  test('a far time to wait is believed for a day', async () => {
    const headers = { 'retry-after': String(365 * 24 * 3600) };
    for (const status of [202, 503]) {
      server.answer = () => ({ status, headers });
      expect(await poll()).toMatchObject({ retryAfter: 24 * 3600 * 1000 });
    }
    server.answer = () => ({ body: { ...page, output: [{ type: 'Patient', url: '/file/1' }] } });
    expect(await poll()).toMatchObject({ kind: 'complete' });
    for (const status of [202, 503]) {
      server.answer = () => ({ status, headers });
      expect(await readAgain()).toMatchObject({ kind: 'trouble', retryAfter: 24 * 3600 * 1000 });
    }
  });
});
