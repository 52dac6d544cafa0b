import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createAuthServer, type SampleServer } from '../../dev/sample-server/index.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import { secretFile } from '../support/keys.ts';
import type { Stack } from '../support/stack.ts';
import { serverEntry, startStack } from '../support/stack.ts';

const clientSecret = randomBytes(24).toString('base64url');
const authServer = createAuthServer({ clientSecret });
const fast = { patients: 5, pollsUntilReady: 0, requiresAccessToken: true };

let folder: string;
let stack: Stack;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'schemes-'));
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
  stack.config.servers['bearer'] = serverEntry(baseUrl, { auth: { type: 'bearer', tokenFile: join(folder, 'token') } });
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

test('a static token whose file is replaced while the export runs', async () => {
  const server = stack.servers['bearer'] as SampleServer;
  const newToken = async (): Promise<void> => {
    const response = await fetch(authServer.tokenUrl(server.baseUrl), {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`demo-client:${clientSecret}`).toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'system/*.rs' }),
    });
    await writeFile(join(folder, 'token'), `${((await response.json()) as { access_token: string }).access_token}\n`);
  };
  await newToken();
  const started = await stack.start({ server: 'bearer' });
  await expect.poll(() => server.journal.some(({ route }) => route === 'status'), { timeout: 15_000 }).toBe(true);
  authServer.revokeAll();
  await newToken();
  await expectExactFiles((await started.result()).location, server);
});

test('a static token that is not there', async () => {
  await rm(join(folder, 'token'));
  expect(await stack.fail({ server: 'bearer' })).toMatchObject({
    code: 'AuthorizationFailed',
    message: expect.stringMatching(/token cannot be read \(ENOENT\)/),
  });
});
