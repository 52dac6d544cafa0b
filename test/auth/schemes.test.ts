import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createAuthServer, type SampleServer } from '../../dev/sample-server/index.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import { secretFile } from '../support/keys.ts';
import type { Stack } from '../support/stack.ts';
import { failureOf, serverEntry, startStack } from '../support/stack.ts';

const clientSecret = randomBytes(24).toString('base64url');
const authServer = createAuthServer({ clientSecret });
const fast = { patients: 5, pollsUntilReady: 0, requiresAccessToken: true };

const folder = await mkdtemp(join(tmpdir(), 'schemes-'));
const tokenFile = join(folder, 'token');
let stack: Stack;

beforeAll(async () => {
  stack = await startStack({
    servers: {
      basic: { ...fast, authorization: authServer },
      form: { ...fast, authorization: authServer },
      bearer: { ...fast, pollsUntilReady: 2, retryAfter: '1', authorization: authServer },
    },
    workers: false,
  });
  const clientSecretFile = await secretFile(folder, 'secret', clientSecret);
  for (const name of ['basic', 'form'] as const) {
    const { baseUrl } = stack.servers[name] as SampleServer;
    const auth = {
      type: 'client-secret',
      clientId: 'demo-client',
      clientSecretFile,
      secretIn: name,
      tokenUrl: authServer.tokenUrl(baseUrl),
    } as const;
    stack.config.servers[name] = serverEntry(baseUrl, { auth });
  }
  const { baseUrl } = stack.servers['bearer'] as SampleServer;
  stack.config.servers['bearer'] = serverEntry(baseUrl, { auth: { type: 'bearer', tokenFile } });
  await stack.startWorkers();
});
afterAll(async () => {
  await stack.close();
  await rm(folder, { recursive: true });
});

test.each(['basic', 'form'])('a client secret by %s', async (name) => {
  const report = await stack.run({ server: name });
  await expectExactFiles(report.location, stack.servers[name] as SampleServer);
});

const bearer = (): SampleServer => stack.servers['bearer'] as SampleServer;
const asked = (route: string, status?: number) =>
  bearer().journal.filter((entry) => entry.route === route && (status === undefined || entry.status === status));

/** What a side-car does. */
async function newToken(): Promise<void> {
  const response = await fetch(authServer.tokenUrl(bearer().baseUrl), {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`demo-client:${clientSecret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'system/*.rs' }),
  });
  await writeFile(tokenFile, `${((await response.json()) as { access_token: string }).access_token}\n`);
}

describe('a static token', () => {
  beforeEach(async () => {
    bearer().journal.length = 0;
    bearer().faults.clear();
    await newToken();
  });

  test('whose file is replaced while the export runs', async () => {
    const started = await stack.start({ server: 'bearer' });
    await expect.poll(() => asked('status').length, { timeout: 15_000 }).toBeGreaterThan(0);
    authServer.revokeAll();
    await newToken();
    await expectExactFiles((await started.result()).location, bearer());
  });

  test('whose file is replaced a little late: it is read again, and the server is not asked all the time', async () => {
    const started = await stack.start({ server: 'bearer' });
    await expect.poll(() => asked('status').length, { timeout: 15_000 }).toBeGreaterThan(0);
    authServer.revokeAll();
    await expect.poll(() => asked('status', 401).length, { timeout: 15_000 }).toBeGreaterThan(1);
    await expect.poll(async () => (await started.progress()).trouble, { timeout: 15_000 }).toContain('HTTP 401');
    await newToken();
    await expectExactFiles((await started.result()).location, bearer());
    expect(asked('status', 401).length).toBeLessThan(10);
  });

  test('whose file is replaced a little late, while files are downloaded', async () => {
    bearer().faults.add({
      route: 'file',
      match: () => (authServer.revokeAll(), false),
      times: 1,
      do: { kind: 'drop' },
    });
    const started = await stack.start({ server: 'bearer' });
    await expect.poll(() => asked('file', 401).length, { timeout: 15_000 }).toBeGreaterThan(0);
    await expect.poll(() => asked('status', 401).length, { timeout: 15_000 }).toBeGreaterThan(1);
    bearer().faults.clear();
    await newToken();
    const report = await started.result();
    await expectExactFiles(report.location, bearer());
  });

  test('that is not replaced ends the export after a time', async () => {
    const started = await stack.start({ server: 'bearer' });
    await expect.poll(() => asked('status').length, { timeout: 15_000 }).toBeGreaterThan(0);
    authServer.revokeAll();
    const since = Date.now();
    expect(await failureOf(started.result())).toMatchObject({
      code: 'AuthorizationFailed',
      message: expect.stringContaining('the token was not replaced: the status request was refused: HTTP 401'),
    });
    expect(Date.now() - since).toBeGreaterThan(2500);
    expect(asked('status', 401).length).toBeLessThan(20);
    expect(asked('delete')).toHaveLength(0);
  });

  test('that is refused at once ends the export at once', async () => {
    authServer.revokeAll();
    expect(await stack.fail({ server: 'bearer' })).toMatchObject({ code: 'AuthorizationFailed' });
    expect(asked('kickOff')).toHaveLength(2);
  });

  test('that is refused for a DELETE only does not hold up the report', async () => {
    bearer().faults.add({ route: 'delete', times: Infinity, do: { kind: 'answer', status: 401 } });
    const since = Date.now();
    const { warnings } = await stack.run({ server: 'bearer' });
    expect(warnings.map(({ code }) => code)).toEqual(['DeleteFailed']);
    expect(Date.now() - since).toBeLessThan(15_000);
  });
});

test('a static token that is not there', async () => {
  await rm(tokenFile);
  expect(await stack.fail({ server: 'bearer' })).toMatchObject({
    code: 'AuthorizationFailed',
    message: expect.stringMatching(/token cannot be read \(ENOENT\)/),
  });
});
