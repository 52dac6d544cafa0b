import { randomBytes } from 'node:crypto';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAuthServer } from '../../dev/sample-server/auth-server/index.ts';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import { makeKey, secretFile } from '../support/keys.ts';
import { findSecrets } from '../support/secret-scan.ts';
import type { Stack } from '../support/stack.ts';
import { serverEntry, startStack } from '../support/stack.ts';

describe('the search for secrets finds one that is planted', () => {
  const secret = randomBytes(30).toString('base64url');
  const percent = secret.replaceAll(/./g, (letter) => `%${letter.charCodeAt(0).toString(16)}`);
  const base64 = Buffer.from(`{"token":"${secret}"}`).toString('base64');
  test.each([
    ['raw', secret],
    ['percent-encoded', percent],
    ['in base64', base64],
    ['in base64 in base64', Buffer.from(JSON.stringify({ data: base64 })).toString('base64')],
    ['percent-encoded in base64', Buffer.from(`url=${percent}`).toString('base64')],
  ])('%s', (_, planted) => {
    expect(findSecrets(`before ${planted} after`, [secret])).toEqual([secret]);
    expect(findSecrets(`before ${planted.slice(5)} after`, [randomBytes(30).toString('base64url')])).toEqual([]);
  });
});

let folder: string;
let stack: Stack;
let worker: ChildProcess;
let logs = '';
let secrets: { always: string[]; links: string[] };
const clientSecret = randomBytes(24).toString('base64url');
const backend = createAuthServer({ clientSecret, lifetime: 5 });
const other = createAuthServer({ clientSecret });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'secrets-'));
  const fast = { patients: 20, linesPerFile: 50, pollsUntilReady: 1, retryAfter: '1', gzip: false };
  const key = await makeKey('ES384', 'key-1');
  const signing = createAuthServer({ jwks: { keys: [key.publicJwk] }, lifetime: 5 });
  stack = await startStack({
    workers: false,
    servers: {
      backend: { ...fast, requiresAccessToken: true, authorization: signing },
      links: { ...fast, authorization: backend },
      broken: { ...fast, authorization: other },
    },
  });
  const privateKeyFile = await secretFile(folder, 'key.json', key.privateJwk);
  const clientSecretFile = await secretFile(folder, 'secret', clientSecret);
  const { servers } = stack;
  const url = (name: string) => (servers[name] as SampleServer).baseUrl;
  stack.config.servers = {
    backend: serverEntry(url('backend'), { auth: { type: 'smart-backend', clientId: 'demo-client', privateKeyFile } }),
    ...Object.fromEntries(
      ['links', 'broken'].map((name) => [
        name,
        serverEntry(url(name), {
          auth: {
            type: 'client-secret',
            clientId: 'demo-client',
            clientSecretFile,
            secretIn: 'basic',
            tokenUrl: backend.tokenUrl(url(name)),
          },
        }),
      ]),
    ),
  };
  const configFile = join(folder, 'config.yaml');
  await writeFile(configFile, stringify(stack.config));
  // The real worker, as talkative as it can be.
  worker = spawn(process.execPath, [fileURLToPath(new URL('../../dist/src/worker.js', import.meta.url))], {
    env: {
      ...process.env,
      TEMPORAL_ADDRESS: stack.temporal.address,
      BULK_EXPORT_CONFIG: configFile,
      LOG_LEVEL: 'trace',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [worker.stdout, worker.stderr])
    stream?.on('data', (chunk: Buffer) => (logs += chunk.toString()));

  const quoting = (server: SampleServer): string => `${server.journal.at(-1)?.headers.authorization} is not known`;
  const [one, two, three] = ['backend', 'links', 'broken'].map((name) => servers[name] as SampleServer) as [
    SampleServer,
    SampleServer,
    SampleServer,
  ];
  one.faults.add({
    route: 'status',
    do: {
      kind: 'answer',
      status: 401,
      get body() {
        return quoting(one);
      },
    },
  });
  one.faults.add({
    route: 'kickOff',
    do: {
      kind: 'answer',
      status: 503,
      get body() {
        return quoting(one);
      },
    },
  });
  one.faults.add({ route: 'file', skip: 2, do: { kind: 'breakBody', afterBytes: 3000 } });
  two.faults.add({ route: 'file', skip: 2, do: { kind: 'expireFileUrls', status: 403 } });
  three.faults.add({
    route: 'file',
    match: (entry) => entry.url.includes('Condition'),
    times: Infinity,
    do: { kind: 'answer', status: 400 },
  });
  await stack.run({ server: 'backend' }, 'backend');
  await stack.run({ server: 'links' }, 'links');
  expect((await stack.fail({ server: 'broken' })).code).toBe('IncompleteExport');
  three.faults.add({
    route: 'kickOff',
    times: Infinity,
    do: {
      kind: 'answer',
      status: 400,
      get body() {
        return quoting(three);
      },
    },
  });
  expect((await stack.fail({ server: 'broken' })).code).toBe('KickOffRejected');

  const all = [one, two, three];
  const queries = all.flatMap(({ journal }) =>
    journal
      .filter(({ route }) => ['status', 'file'].includes(route))
      .map((entry) => entry.url.replace(/^[^?]*\??/, '')),
  );
  const { d } = key.privateJwk;
  secrets = {
    always: [
      clientSecret,
      d as string,
      ...key.pem.split('\n').slice(1, -2),
      ...signing.issued,
      ...backend.issued,
      ...other.issued,
    ],
    links: [
      ...new Set(queries.flatMap((query) => [...query.matchAll(/sig=([^&]{8,})/g)].map((match) => match[1] as string))),
    ],
  };
});
afterAll(async () => {
  worker.kill('SIGKILL');
  await stack.close();
  await rm(folder, { recursive: true });
});

test('complete histories, logs and destinations of runs with troubles hold no secret that was used', async () => {
  expect(secrets.always.length).toBeGreaterThan(8);
  expect(secrets.links.length).toBeGreaterThan(10);
  const everything = [...secrets.always, ...secrets.links];

  let histories = '';
  for await (const { workflowId, runId } of stack.client.workflow.list()) {
    histories += JSON.stringify(await stack.client.workflow.getHandle(workflowId, runId).fetchHistory());
    histories += JSON.stringify(await stack.client.workflow.getHandle(workflowId, runId).describe());
  }
  expect(histories).toContain('downloadFiles');
  expect(findSecrets(histories, everything)).toEqual([]);

  expect(logs).toContain('token refreshed');
  expect(findSecrets(logs, everything)).toEqual([]);

  const files = (await readdir(stack.folder, { recursive: true, withFileTypes: true })).filter((entry) =>
    entry.isFile(),
  );
  expect(files.length).toBeGreaterThan(40);
  for (const { parentPath, name } of files) {
    const path = join(parentPath, name);
    // Links of an export that can still be continued are kept below its .export/ folder.
    const unfinished = path.includes('.export') && !path.includes('/backend/') && !path.includes('/links/');
    const found = findSecrets(await readFile(path, 'latin1'), unfinished ? secrets.always : everything);
    expect(found, path).toEqual([]);
  }
});
