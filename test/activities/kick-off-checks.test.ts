import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { KickOffInput, KickOffResult } from '../../src/activities/kick-off.ts';
import { kickOff } from '../../src/activities/kick-off.ts';
import { openExport } from '../../src/activities/open-export.ts';
import type { Warning } from '../../src/contract.ts';
import type { Config, ServerConfig } from '../../src/config.ts';
import { HttpClient } from '../../src/http/http-client.ts';
import { openDestination } from '../../src/storage/destinations.ts';
import type { AnsweringServer } from '../support/answering-server.ts';
import { startAnswering } from '../support/answering-server.ts';
import { depsOf } from '../support/activity-deps.ts';
import { serverEntry } from '../support/stack.ts';
import { serveProxy } from '../support/tls-servers.ts';

const http = new HttpClient();
const EARLIER = {
  generation: 1,
  unanswered: 0,
  separateStatus: false,
  partial: false,
  warnings: [],
  statusUrl: 'http://a/1',
};
const accepting: AnsweringServer['answer'] = ({ url }) =>
  /export/.test(url) ? { status: 202, headers: { 'content-location': `${server.origin}/status/1` } } : { status: 404 };
let server: AnsweringServer;
let folder: string;

beforeAll(async () => {
  server = await startAnswering(accepting);
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kick-off-'));
  await mkdir(join(folder, 'export/.export'), { recursive: true });
  await writeFile(join(folder, 'export/.export/export.json'), JSON.stringify({ mark: 'mark' }));
  server.asked.length = 0;
  server.answer = accepting;
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});
afterAll(async () => {
  await http.close();
  await server.close();
});

const job = async () => JSON.parse(await readFile(join(folder, 'export/.export/job.json'), 'utf8')) as object;

/** The kick-off on a worker that is configured in another way than the one that opened the export. */
function kickOffWith(
  more: Partial<ServerConfig>,
  request: KickOffInput['request'],
  generation = 1,
  warnings: Warning[] = [],
): Promise<KickOffResult> {
  const config: Config = {
    servers: { one: serverEntry(`${server.origin}/r4`, more) },
    destinations: { local: { type: 'directory', path: folder } },
  };
  const ref = { server: 'one', destination: 'local', path: 'export', mark: 'mark' };
  return new MockActivityEnvironment().run(kickOff, depsOf(config, http), { ref, request, generation, warnings });
}

test.each<[string, Partial<ServerConfig>, KickOffInput['request'], string]>([
  ['is not allowed', { allow: { levels: ['group'] } }, { level: 'system' }, 'NotAllowed'],
  ['does not work there', { levels: ['group'] }, { level: 'system' }, 'InvalidRequest'],
])('a kick-off that %s removes no file of an earlier job', async (_, more, request, code) => {
  await writeFile(join(folder, 'export/.export/job.json'), JSON.stringify(EARLIER));
  await writeFile(join(folder, 'export/Patient.00001.ndjson'), '{}\n');
  await expect(kickOffWith(more, request, 2)).rejects.toMatchObject({ code });
  expect(await readFile(join(folder, 'export/Patient.00001.ndjson'), 'utf8')).toBe('{}\n');
  expect(await job()).toEqual(EARLIER);
  expect(server.asked).toEqual([]);
});

test('a kick-off at another base URL than the export was opened for is not sent', async () => {
  const mark = { mark: 'mark', baseUrl: 'https://fhir.example.org/r4' };
  await writeFile(join(folder, 'export/.export/export.json'), JSON.stringify(mark));
  await expect(kickOffWith({}, { level: 'system' })).rejects.toMatchObject({ code: 'InvalidRequest' });
  expect(server.asked).toEqual([]);
});

test('what the token of a kick-off lacks is told again by a run that continues its job', async () => {
  const lack = { code: 'ScopeNarrower', message: 'Not granted: Observation.' } as const;
  expect(await kickOffWith({}, { level: 'system' }, 1, [lack])).toMatchObject({ kind: 'accepted', warnings: [lack] });
  expect(await kickOffWith({}, { level: 'system' })).toMatchObject({ kind: 'accepted', warnings: [lack] });
  expect(server.asked.filter(({ url }) => url.includes('export'))).toHaveLength(1);
});

test('attachments that are not allowed are not allowed at the kick-off either', async () => {
  const request = { level: 'system', parameters: { _type: 'Patient' }, attachments: 'download' } as const;
  const failing = kickOffWith({ allow: { types: ['Patient'] } }, request);
  await expect(failing).rejects.toMatchObject({ code: 'NotAllowed', message: expect.stringContaining('Binary') });
  expect(server.asked).toEqual([]);
});

test('what is left out is not waited for: allowPartialManifests that the server does not know', async () => {
  const more = { unsupportedParameters: ['allowPartialManifests'] };
  const result = await kickOffWith(more, {
    level: 'system',
    parameters: { allowPartialManifests: true },
    prefer: ['handling=lenient'],
  });
  expect(result).toMatchObject({ kind: 'accepted', warnings: [{ code: 'ParameterIgnored' }] });
  expect(await job()).toMatchObject({ partial: false });
});

test.each<[string, Partial<ServerConfig>, object, string]>([
  ['a group that is none', { allow: { levels: ['group'] } }, { level: 'group', groupId: '..' }, 'groupId'],
  ['a group that leads elsewhere', { allow: { levels: ['group'] } }, { level: 'group', groupId: 'a/../..' }, 'groupId'],
  [
    'a preference that is none',
    { allow: { types: ['Patient'] } },
    { level: 'system', parameters: { _type: 'Patient' }, prefer: ['x, handling=lenient'] },
    'prefer',
  ],
])('%s is refused also where no workflow has looked at it', async (_, more, request, field) => {
  const failing = kickOffWith(more, request as KickOffInput['request']);
  await expect(failing).rejects.toMatchObject({ code: 'InvalidRequest', message: expect.stringContaining(field) });
  expect(server.asked).toEqual([]);
});

test.each([['../outside'], ['a/../../outside']])(
  'a path that leads out of the destination makes nothing there: %s',
  async (path) => {
    const config: Config = {
      servers: { one: serverEntry(`${server.origin}/r4`) },
      destinations: { local: { type: 'directory', path: join(folder, 'inside') } },
    };
    const owner = { workflowId: 'w', firstRunId: 'r' };
    const request = { server: 'one', level: 'system' } as const;
    const opening = new MockActivityEnvironment().run(openExport, depsOf(config, http), { request, owner, path });
    await expect(opening).rejects.toMatchObject({ code: 'InvalidRequest' });
    await expect(openDestination(config, 'local', path)).rejects.toMatchObject({ code: 'DestinationFailed' });
    expect(await readdir(folder)).not.toContain('outside');
  },
);

test('where a symbolic link leads out of the destination nothing is made', async () => {
  const destinations = { local: { type: 'directory' as const, path: join(folder, 'inside') } };
  await mkdir(join(folder, 'inside'));
  await mkdir(join(folder, 'elsewhere'));
  await symlink(join(folder, 'elsewhere'), join(folder, 'inside/link'));
  const opening = openDestination({ destinations }, 'local', 'link/below');
  await expect(opening).rejects.toMatchObject({ code: 'DestinationFailed' });
  expect(await readdir(join(folder, 'elsewhere'))).toEqual([]);
});

test('a status URL that must not be asked is not kept as the job, so that a later run kicks off', async () => {
  server.answer = () => ({ status: 202, headers: { 'content-location': 'http://fhir.internal.example/status/1' } });
  await expect(kickOffWith({}, { level: 'system' })).rejects.toMatchObject({
    code: 'KickOffRejected',
    message: expect.stringMatching(
      /without a usable Content-Location.*\(http:\/\/fhir\.internal\.example\): HTTP 202 .*it is http: and must be https:\)$/,
    ),
  });
  server.answer = accepting;
  const warnings = [expect.objectContaining({ code: 'PossibleOrphanJob' })];
  expect(await kickOffWith({}, { level: 'system' })).toMatchObject({ kind: 'accepted', warnings });
});

test('a kick-off that a proxy has kept back leaves no doubt to later runs', async () => {
  const file = join(folder, 'password');
  const proxy = await serveProxy();
  proxy.demands = `Basic ${Buffer.from('bert:newer').toString('base64')}`;
  const kickOffThrough = async () => {
    await writeFile(file, 'bert:old');
    return kickOffWith({ proxy: proxy.origin, proxyCredentialsFile: file }, { level: 'system' });
  };
  // The file is gone when it is read again, which ends the run; so does a refusal that lasts.
  const note = proxy.credentials.push.bind(proxy.credentials);
  proxy.credentials.push = (...all) => (rmSync(file, { force: true }), note(...all));
  for (let run = 1; run <= 3; run++) {
    await expect(kickOffThrough()).rejects.toMatchObject({ code: 'AuthorizationFailed' });
  }
  proxy.demands = undefined;
  expect(await kickOffThrough()).toMatchObject({ kind: 'accepted', warnings: [] });
  expect(server.asked.filter(({ url }) => /export/.test(url)).map(({ headers }) => headers['cache-control'])).toEqual([
    'no-cache',
  ]);
  await proxy.close();
});

test('kick-offs that a gateway gave up waiting for come far apart, each with the warning of an orphan job', async () => {
  let clock = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => clock);
  server.answer = ({ url }) => {
    if (/export/.test(url)) clock += 30_000;
    return { status: 503, body: '<html>Application error</html>' };
  };
  const warnings = [expect.objectContaining({ code: 'PossibleOrphanJob' })];
  for (const minutes of [5, 20, 80, 320]) {
    const result = await kickOffWith({}, { level: 'system' });
    expect(result).toMatchObject({ kind: 'trouble', retryAfter: minutes * 60_000, warnings });
  }
  server.answer = accepting;
  expect(await kickOffWith({}, { level: 'system' })).toMatchObject({ kind: 'accepted', warnings });
  const noCache = server.asked.filter(({ url }) => /export/.test(url)).map(({ headers }) => headers['cache-control']);
  // No answer was lost: the server is not to answer with an earlier job, which may have been cancelled.
  expect(noCache).toEqual(Array.from({ length: 5 }, () => 'no-cache'));
  expect(await job()).not.toHaveProperty('begunAt');
});

test.each([
  ['a login page', 200, []],
  ['202 without a status URL', 202, [expect.objectContaining({ code: 'PossibleOrphanJob' })]],
])('answers that cannot be followed do not keep later runs from a kick-off: %s', async (_, status, warnings) => {
  server.answer = () => ({ status, body: '<html>Sign in</html>' });
  for (let run = 1; run <= 3; run++) {
    const failing = kickOffWith({}, { level: 'system' });
    await expect(failing).rejects.toMatchObject({ code: 'KickOffRejected' });
  }
  server.answer = accepting;
  expect(await kickOffWith({}, { level: 'system' })).toMatchObject({ kind: 'accepted', warnings });
});

test('a far time to wait is believed for a day, also in doubt', async () => {
  const headers = { 'retry-after': String(365 * 24 * 3600) };
  for (const status of [503, 504, 503]) {
    server.answer = () => ({ status, headers });
    expect(await kickOffWith({}, { level: 'system' })).toMatchObject({ kind: 'trouble', retryAfter: 24 * 3600 * 1000 });
  }
});
