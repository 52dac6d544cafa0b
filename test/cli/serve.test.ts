import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { request } from 'undici';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startSampleServer } from '../../dev/sample-server/index.ts';
import type { CliUser, RunningCommand } from '../support/cli.ts';
import { newCliUser, reportOf } from '../support/cli.ts';
import type { LocalManifest } from '../support/exported-files.ts';
import { readLocalManifest } from '../support/exported-files.ts';

vi.setConfig({ testTimeout: 600_000, hookTimeout: 180_000 });

let user: CliUser;
/** Folder of the export that is served. */
let folder: string;
let command: RunningCommand;
let origin: string;

beforeAll(async () => {
  user = await newCliUser();
  const server = await startSampleServer({ patients: 8, linesPerFile: 20, pollsUntilReady: 0 });
  server.change({ deleted: 1 });
  folder = reportOf(await user.run(['export', server.baseUrl, '--group', 'all', '--json'])).location;
  await server.close();
  // Named or not, it is loopback, where other names are refused.
  command = user.start(['serve', folder, '--port', '0', '--host', '127.0.0.1']);
  await once(command.child.stdout as NodeJS.ReadableStream, 'data');
  origin = /^FHIR base URL: (http:\/\/127\.0\.0\.1:\d+)\/fhir /.exec(command.stdout())?.[1] as string;
});
afterAll(() => user.leave());

const ASYNC = { prefer: 'respond-async' };
const outcomeOf = async (body: { json(): Promise<unknown> }): Promise<string> => JSON.stringify(await body.json());

async function manifestOf(query: string): Promise<LocalManifest> {
  const { statusCode, headers } = await request(`${origin}/fhir/$export${query}`, { headers: ASYNC });
  expect(statusCode).toBe(202);
  const { body } = await request(headers['content-location'] as string);
  return (await body.json()) as LocalManifest;
}

test('an export of what is served has the same files, and so has one of the same Group', async () => {
  const names = ({ output, deleted }: LocalManifest): unknown =>
    [...output, ...deleted].map(({ type, count, extension }) => ({ type, count, sha256: extension.sha256 }));
  const served = names(await readLocalManifest(folder));
  for (const level of [['--system'], ['--group', 'all']]) {
    const again = await user.run(['export', `${origin}/fhir`, ...level, '--json']);
    expect(again.code).toBe(0);
    expect(names(await readLocalManifest(reportOf(again).location))).toEqual(served);
  }
});

test('of another Group, or with parameters that a folder cannot honour, nothing is served', async () => {
  const other = await request(`${origin}/fhir/Group/diabetes/$export`, { headers: ASYNC });
  expect([other.statusCode, await outcomeOf(other.body)]).toEqual([404, expect.stringContaining('/Group/all/$export')]);
  const since = await request(`${origin}/fhir/$export?_since=2026-01-01T00:00:00Z`, { headers: ASYNC });
  expect([since.statusCode, await outcomeOf(since.body)]).toEqual([
    400,
    expect.stringContaining('_since is not supported'),
  ]);
  const sync = await request(`${origin}/fhir/$export`);
  expect([sync.statusCode, await outcomeOf(sync.body)]).toEqual([400, expect.stringContaining('respond-async')]);
});

test('_type chooses files; their URLs are absolute; a job that was deleted is gone', async () => {
  const manifest = await manifestOf('?_type=Patient');
  expect(new Set(manifest.output.map(({ type }) => type))).toEqual(new Set(['Patient']));
  expect(manifest.output.every(({ url }) => url.startsWith(`${origin}/files/Patient.`))).toBe(true);
  const { headers } = await request(`${origin}/fhir/Patient/$export`, { method: 'POST', headers: ASYNC, body: '{}' });
  const job = headers['content-location'] as string;
  expect((await request(job, { method: 'DELETE' })).statusCode).toBe(202);
  expect((await request(job)).statusCode).toBe(404);
});

test('files come whole, in ranges, compressed, and only when they have changed', async () => {
  const [item] = (await manifestOf('')).output;
  const url = item?.url as string;
  const whole = await readFile(join(folder, url.slice(`${origin}/files/`.length)));
  const ask = async (headers: Record<string, string>) => {
    const answer = await request(url, { headers });
    return { ...answer, bytes: Buffer.from(await answer.body.arrayBuffer()) };
  };
  const plain = await ask({});
  expect(plain.bytes.equals(whole)).toBe(true);
  expect(plain.headers.etag).toBe(`"${createHash('sha256').update(whole).digest('hex')}"`);

  const middle = await ask({ range: 'bytes=10-19', 'if-range': plain.headers.etag as string });
  expect([middle.statusCode, middle.headers['content-range']]).toEqual([206, `bytes 10-19/${whole.length}`]);
  expect(middle.bytes.equals(whole.subarray(10, 20))).toBe(true);
  expect((await ask({ range: 'bytes=-5' })).bytes.equals(whole.subarray(-5))).toBe(true);
  expect((await ask({ range: 'bytes=10-', 'if-range': '"other"' })).statusCode).toBe(200);
  expect((await ask({ range: `bytes=${whole.length}-` })).statusCode).toBe(416);

  const zipped = await ask({ 'accept-encoding': 'br, gzip' });
  expect(zipped.headers['content-encoding']).toBe('gzip');
  expect(gunzipSync(zipped.bytes).equals(whole)).toBe(true);
  expect(zipped.headers.etag).not.toBe(plain.headers.etag);
  expect((await ask({ 'accept-encoding': 'gzip;q=0' })).headers['content-encoding']).toBeUndefined();
  expect((await ask({ 'if-none-match': plain.headers.etag as string })).statusCode).toBe(304);
});

test('only what the manifest names is served, and only to names of this machine', async () => {
  for (const path of ['/files/manifest.json', '/files/.export/job.json', '/files/..%2f..%2fdata']) {
    expect((await request(`${origin}${path}`)).statusCode, path).toBe(404);
  }
  // Faults of the client are told as such.
  expect((await request(`${origin}/files/%`)).statusCode).toBe(400);
  for (const [body, status] of [
    ['<Parameters/>', 400],
    ['{"parameter":"_type"}', 400],
    ['x'.repeat(2 * 1024 * 1024), 413],
  ] as const) {
    const answer = await request(`${origin}/fhir/$export`, { method: 'POST', headers: ASYNC, body });
    expect([answer.statusCode, await outcomeOf(answer.body)]).toEqual([status, expect.stringContaining('invalid')]);
  }
  const rebound = await request(`${origin}/fhir/metadata`, { headers: { host: 'hospital.example' } });
  expect(rebound.statusCode).toBe(421);
  expect((await request(`${origin}/fhir/metadata`)).statusCode).toBe(200);
});

test('a folder without a complete export is refused', async () => {
  const other = await mkdtemp(join(tmpdir(), 'serve-'));
  expect(await user.run(['serve', other])).toMatchObject({
    code: 64,
    stderr: expect.stringContaining('has no manifest.json'),
  });
  await writeFile(join(other, 'manifest.json'), await readFile(join(folder, 'manifest.json')));
  expect(await user.quick(['serve', other])).toMatchObject({ code: 64, stderr: expect.stringContaining('is missing') });
  // What came from elsewhere must not lead to other files of this user.
  const { output, deleted } = await readLocalManifest(folder);
  await mkdir(join(other, 'deleted'));
  for (const { url } of [...output, ...deleted]) await copyFile(join(folder, url), join(other, url));
  const linked = join(other, output[0]?.url ?? '');
  await rm(linked);
  await symlink(join(folder, output[0]?.url ?? ''), linked);
  expect(await user.quick(['serve', other])).toMatchObject({ code: 64, stderr: expect.stringContaining('is a link') });
  const outside = { output: [{ url: '../a', fileSize: 1, extension: { sha256: '' } }], transactionTime: '' };
  for (const text of ['no JSON', '{"output":[{}]}', JSON.stringify(outside)]) {
    await writeFile(join(other, 'manifest.json'), text);
    expect(await user.quick(['serve', other])).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('is not that of an export'),
    });
  }
  for (const options of [
    ['--host', ''],
    ['--port', '70000'],
  ]) {
    expect((await user.quick(['serve', folder, ...options])).code).toBe(64);
  }
  await rm(other, { recursive: true });
  const [item] = (await readLocalManifest(folder)).output;
  await truncate(join(folder, item?.url ?? ''), 3);
  expect(await user.quick(['serve', folder])).toMatchObject({
    code: 64,
    stderr: expect.stringContaining('has 3 bytes'),
  });
});
