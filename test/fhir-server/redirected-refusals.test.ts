import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { judgeTrouble } from '../../src/activities/batch/refused-file.ts';
import type { FileTrouble } from '../../src/download/file-trouble.ts';
import type { Authorized } from '../../src/fhir-server/authorize.ts';
import type { Answered, FhirServer } from '../../src/fhir-server/fhir-server.ts';
import { HttpClient } from '../../src/http/http-client.ts';
import type { AnsweringServer } from '../support/answering-server.ts';
import { startAnswering } from '../support/answering-server.ts';
import { attemptFile } from '../support/fetch-attempt.ts';
import { knownServer } from '../support/tls-servers.ts';

const http = new HttpClient();
let root: string;
let asked: AnsweringServer;
let answering: AnsweringServer;
let status: number;

beforeAll(async () => {
  vi.stubEnv('TOKEN_OF_REDIRECTS', 'word');
  root = await mkdtemp(join(tmpdir(), 'redirected-'));
  answering = await startAnswering(() => ({ status }));
  asked = await startAnswering(({ url }) =>
    url === '/own' ? { status } : { status: 307, headers: { location: `${answering.origin}/there` } },
  );
});
beforeEach(() => {
  status = 401;
  answering.asked.length = 0;
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await http.close();
  await Promise.all([asked.close(), answering.close()]);
  await rm(root, { recursive: true });
});

const TRUSTED = [true, false];
const serverWith = (trusted: boolean): Promise<FhirServer> =>
  knownServer(http, `${asked.origin}/r4`, {
    auth: { type: 'bearer', tokenEnv: 'TOKEN_OF_REDIRECTS' },
    ...(trusted ? { fileOrigins: [answering.origin] } : {}),
  });
const hint = (): string => `no token goes along the redirect from ${asked.origin} to ${answering.origin}`;

test.each(TRUSTED)(
  'a refusal behind a redirect says so, and names no cure that is none: trusted %s',
  async (trusted) => {
    const server = await serverWith(trusted);
    const request = { what: 'status', method: 'GET', url: `${asked.origin}/status`, headers: {} } as const;
    const sent = await new MockActivityEnvironment().run(() => server.send(request, { epoch: 7, scope: '' }));
    const { detail } = server.refusal(sent as Answered, 'refused');
    expect(detail).toContain(hint());
    expect(detail).not.toContain('fileOrigins');
    expect(answering.asked[0]?.headers.authorization).toBeUndefined();
  },
);

const TOKEN: Authorized = { kind: 'token', authorization: 'Bearer word', epoch: 7 };

async function refusedFile(server: FhirServer, path: string, authorized = TOKEN): Promise<FileTrouble> {
  const url = `${asked.origin}${path}`;
  const trouble = (await attemptFile({ http, root, url, rules: server.rules })) as FileTrouble;
  return judgeTrouble(trouble, { url, kind: 'output' }, server, authorized, false);
}

test.each(TRUSTED)(
  'a file that is refused behind a redirect is not refused for its token: trusted %s',
  async (trusted) => {
    const server = await serverWith(trusted);
    expect(await refusedFile(server, '/file')).toEqual({
      cause: 'link',
      detail: `HTTP 401 (${hint()}; if that is the server's own, its manifests have to name it)`,
    });
    expect(await refusedFile(server, '/own')).toMatchObject({ cause: 'token', refusedEpoch: 7 });
  },
);

test('a signed address behind a redirect, which wants no token, is refused without a word of one', async () => {
  status = 403;
  expect(await refusedFile(await serverWith(true), '/file')).toEqual({ cause: 'link', detail: 'HTTP 403' });
});

test('a file that was asked for without the token, and is refused, may need it', async () => {
  const server = await serverWith(true);
  const { detail } = await refusedFile(server, '/own', { kind: 'open' });
  expect(detail).toBe(
    'HTTP 401 (no token was sent, because the manifest says that its files need none; if they do, set requiresAccessToken: always)',
  );
  status = 403;
  expect((await refusedFile(server, '/own', { kind: 'open' })).detail).toBe('HTTP 403');
  status = 401;
  const open = await knownServer(http, `${asked.origin}/r4`, {});
  expect((await refusedFile(open, '/own', { kind: 'open' })).detail).toBe('HTTP 401');
});
