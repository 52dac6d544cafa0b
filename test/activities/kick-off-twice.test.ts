import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { KickOffResult } from '../../src/activities/kick-off.ts';
import { kickOff } from '../../src/activities/kick-off.ts';
import type { Config } from '../../src/config.ts';
import { HttpClient } from '../../src/http/http-client.ts';
import type { AnsweringServer } from '../support/answering-server.ts';
import { startAnswering } from '../support/answering-server.ts';
import { serverEntry } from '../support/stack.ts';
import { depsOf } from '../support/activity-deps.ts';

const http = new HttpClient();
const MARK = 'mark';
let server: AnsweringServer;
let folder: string;
let config: Config;
let jobs: number;
/** What the server waits for before it answers the first of these. */
let held: { url: RegExp; until: Promise<void> } | undefined;

beforeAll(async () => {
  server = await startAnswering(async ({ url }) => {
    const kickedOff = /export/.test(url) ? ++jobs : 0;
    if (held?.url.test(url) === true) {
      const { until } = held;
      held = undefined;
      await until;
    }
    if (kickedOff === 0) return { status: 404 };
    return { status: 202, headers: { 'content-location': `${server.origin}/status/${kickedOff}` } };
  });
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kick-off-'));
  config = {
    servers: { one: serverEntry(`${server.origin}/r4`) },
    destinations: { local: { type: 'directory', path: folder } },
  };
  await mkdir(join(folder, 'export/.export'), { recursive: true });
  await writeFile(join(folder, 'export/.export/export.json'), JSON.stringify({ mark: MARK }));
  server.asked.length = 0;
  jobs = 0;
});
afterAll(async () => {
  await http.close();
  await server.close();
});

/** An attempt on a worker of its own. */
function attempt(): Promise<KickOffResult> {
  const request = { level: 'system' } as const;
  const ref = { server: 'one', destination: 'local', path: 'export', mark: MARK };
  return new MockActivityEnvironment().run(kickOff, depsOf(config, http), { ref, request, generation: 1 });
}

/** Holds the answer to the first request for such an address. */
function hold(url: RegExp): () => void {
  let release = (): void => {};
  held = { url, until: new Promise((resolve) => (release = resolve)) };
  return release;
}

const statusUrl = async (): Promise<string> =>
  (JSON.parse(await readFile(join(folder, 'export/.export/job.json'), 'utf8')) as { statusUrl: string }).statusUrl;
const arrived = (url: RegExp) => expect.poll(() => server.asked.some((one) => url.test(one.url))).toBe(true);

test('an attempt that was frozen before the kick-off takes the job of its successor', async () => {
  const wake = hold(/metadata/);
  const frozen = attempt();
  await arrived(/metadata/);
  expect(await attempt()).toMatchObject({ kind: 'accepted', warnings: [] });
  wake();
  expect(await frozen).toMatchObject({ kind: 'accepted', warnings: [] });
  expect(jobs).toBe(1);
  await rm(folder, { recursive: true });
});

test('an attempt that was frozen during the kick-off leaves its successor the job, which has the warning', async () => {
  const wake = hold(/export/);
  const frozen = attempt();
  await arrived(/export/);
  const accepted = await attempt();
  expect(accepted).toMatchObject({ kind: 'accepted', warnings: [{ code: 'PossibleOrphanJob' }] });
  wake();
  await frozen;
  expect(jobs).toBe(2);
  expect(await statusUrl()).toBe(`${server.origin}/status/2`);
  await rm(folder, { recursive: true });
});

test('of attempts that wake up together one kicks off, one more with a warning, and none fails', async () => {
  const results = await Promise.all([attempt(), attempt(), attempt(), attempt()]);
  const warned = results.filter((result) => result.kind === 'accepted' && result.warnings.length > 0);
  expect(jobs).toBeLessThanOrEqual(warned.length > 0 ? 2 : 1);
  expect(await attempt()).toMatchObject({ kind: 'accepted', warnings: warned.length > 0 ? [{}] : [] });
  await rm(folder, { recursive: true });
});
