import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAuthServer, type SampleServer } from '../../dev/sample-server/index.ts';
import type { ServerConfig } from '../../src/config.ts';
import type { ExportReport } from '../../src/contract.ts';
import { makeKey, secretFile } from '../support/keys.ts';
import { findSecrets } from '../support/secret-scan.ts';
import type { LoudWorker } from '../support/secrets-of-runs.ts';
import {
  quote,
  readHistories,
  secretsOf,
  signaturesOf,
  startLoudWorker,
  watchHeartbeats,
} from '../support/secrets-of-runs.ts';
import type { Stack } from '../support/stack.ts';
import { serverEntry, startStack } from '../support/stack.ts';
import { payloadsOf } from './steps-of-history.ts';

describe('the search for secrets finds one that is planted', () => {
  const secret = `${randomBytes(30).toString('base64url')}/x`;
  const percent = secret.replaceAll(/./g, (letter) => `%${letter.charCodeAt(0).toString(16)}`);
  const base64 = Buffer.from(`{"token":"${secret}"}`).toString('base64');
  test.each([
    ['raw', secret],
    ['percent-encoded', percent],
    ['with backslashes', JSON.stringify(secret).replaceAll('/', '\\/')],
    ['in base64', base64],
    ['in base64url', Buffer.from(`{"token":"${secret}"}`).toString('base64url')],
    ['in base64 behind other letters', `/a${base64}`],
    ['in base64 in base64', Buffer.from(JSON.stringify({ data: base64 })).toString('base64')],
    ['percent-encoded in base64', Buffer.from(`url=${percent}`).toString('base64')],
  ])('%s', (_, planted) => {
    expect(findSecrets(`before ${planted} after`, ['another', secret])).toEqual([secret]);
    expect(findSecrets(`before ${planted} after`, [randomBytes(30).toString('base64url')])).toEqual([]);
  });
});

const clientSecret = `${randomBytes(24).toString('base64url')}/+&`;
const [rsa, ec] = await Promise.all([makeKey('RS384', 'rsa'), makeKey('ES384', 'ec')]);
const authServers = {
  signing: createAuthServer({ jwks: { keys: [rsa.publicJwk] }, lifetime: 6 }),
  refusing: createAuthServer({ jwks: { keys: [ec.publicJwk] } }),
  links: createAuthServer({ clientSecret, lifetime: 5 }),
  broken: createAuthServer({ clientSecret }),
};
const fast = { patients: 20, linesPerFile: 50, pollsUntilReady: 1, retryAfter: '1', gzip: false };
/** Runs that end well; of the others, links may be left below `.export/`, with which they can be gone on with. */
const ENDED_WELL = ['signing', 'links'];

let folder: string;
let stack: Stack;
let worker: LoudWorker;
let heartbeats: string[];
const failures: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'secrets-'));
  stack = await startStack({
    workers: false,
    servers: {
      signing: {
        ...fast,
        requiresAccessToken: true,
        throttleBytesPerSecond: 20_000,
        authorization: authServers.signing,
      },
      refusing: { ...fast, authorization: authServers.refusing },
      links: { ...fast, authorization: authServers.links },
      broken: { ...fast, authorization: authServers.broken },
    },
  });
  const servers = stack.servers as Record<keyof typeof authServers, SampleServer>;
  const clientSecretFile = await secretFile(folder, 'secret', clientSecret);
  const client = (name: 'links' | 'broken', secretIn: 'basic' | 'form'): ServerConfig['auth'] => ({
    type: 'client-secret',
    clientId: 'demo-client',
    clientSecretFile,
    secretIn,
    tokenUrl: authServers[name].tokenUrl(servers[name].baseUrl),
  });
  const backend = async (name: string, key: string | object): Promise<ServerConfig['auth']> => ({
    type: 'smart-backend',
    clientId: 'demo-client',
    privateKeyFile: await secretFile(folder, name, key),
    keyId: name,
  });
  const entries = {
    signing: await backend('rsa', rsa.privateJwk),
    refusing: await backend('ec', ec.pem),
    links: client('links', 'basic'),
    broken: client('broken', 'form'),
  };
  for (const [name, auth] of Object.entries(entries))
    stack.config.servers[name] = serverEntry(servers[name as keyof typeof servers].baseUrl, { auth });
  worker = await startLoudWorker(stack);
  const watch = watchHeartbeats(stack);

  quote(servers.signing, 'token', 400);
  quote(servers.signing, 'kickOff', 503);
  quote(servers.signing, 'status', 401);
  quote(servers.signing, 'file', 401, { skip: 4 });
  servers.signing.faults.add({ route: 'file', skip: 2, do: { kind: 'breakBody', afterBytes: 3000 } });
  quote(servers.refusing, 'token', 400, { times: Infinity });
  quote(servers.links, 'token', 503);
  servers.links.faults.add({ route: 'file', skip: 2, do: { kind: 'expireFileUrls', status: 403 } });
  quote(servers.broken, 'file', 400, { match: ({ url }) => url.includes('Condition'), times: Infinity });

  const fail = async (name: string): Promise<void> => {
    const { code, message } = await stack.fail({ server: name });
    failures.push(`${code} ${message}`);
  };
  await Promise.all([
    stack.run({ server: 'signing' }, 'signing'),
    stack.run({ server: 'links' }, 'links'),
    fail('refusing'),
    fail('broken').then(() => {
      quote(servers.broken, 'kickOff', 400, { times: Infinity });
      return fail('broken');
    }),
  ]);
  heartbeats = await watch.stop();
});
afterAll(async () => {
  await worker.kill();
  await stack.close();
  await rm(folder, { recursive: true });
});

describe('invariant 1: history holds no secret and no bulk', () => {
  test('complete histories, logs and destinations of runs with troubles hold no secret that was used', async () => {
    // The servers did quote what they were sent.
    expect(failures.sort()).toEqual([
      expect.stringMatching(/^AuthorizationFailed .*client_assertion=\[redacted\]/),
      expect.stringMatching(/^IncompleteExport /),
      expect.stringMatching(/^KickOffRejected .*Bearer \[redacted\]/),
    ]);
    const forever = secretsOf([rsa, ec], Object.values(authServers), [clientSecret]);
    const links = signaturesOf(Object.values(stack.servers));
    expect(forever.length).toBeGreaterThan(50);
    expect(links.length).toBeGreaterThan(20);
    const everything = [...forever, ...links];
    expect(everything.every((secret) => secret.length >= 12)).toBe(true);

    const histories = await readHistories(stack);
    expect(histories).toContain('downloadFiles');
    expect(findSecrets(histories, [...everything, 'transactionTime'])).toEqual(['transactionTime']);
    expect(heartbeats.some((details) => details.includes('resumedAt'))).toBe(true);
    expect(findSecrets(heartbeats.join('\n'), everything)).toEqual([]);

    expect(worker.logs()).toContain('token refreshed');
    expect(worker.logs()).toContain('file answered');
    expect(findSecrets(worker.logs(), everything)).toEqual([]);

    const found = await readdir(stack.folder, { recursive: true, withFileTypes: true });
    const paths = found.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
    expect(paths.length).toBeGreaterThan(40);
    for (const path of paths) {
      const unfinished = path.includes('/.export/') && !ENDED_WELL.some((name) => path.includes(`/${name}/`));
      expect(findSecrets(await readFile(path, 'latin1'), unfinished ? forever : everything), path).toEqual([]);
    }
  });

  test('the log says of each export that it began, how it ended and why, with what the SDK says at its level', async () => {
    const linesOf = (text: string): Record<string, unknown>[] =>
      worker
        .logs()
        .split('\n')
        .filter((line) => line.endsWith(`"msg":"${text}"}`))
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    await expect.poll(() => linesOf('export ended').length, { timeout: 20_000 }).toBe(5);
    const begun = linesOf('export began').map(({ server }) => String(server));
    expect(begun.toSorted()).toEqual(['broken', 'broken', 'links', 'refusing', 'signing']);
    const ended = linesOf('export ended');
    expect(ended.map(({ server, outcome, phase }) => [server, outcome, phase].join(' ')).toSorted()).toEqual([
      'broken IncompleteExport settling',
      'broken KickOffRejected kick-off',
      'links complete ',
      'refusing AuthorizationFailed kick-off',
      'signing complete ',
    ]);
    expect(ended.find(({ outcome }) => outcome === 'KickOffRejected')?.['reason']).toMatch(/^KickOffRejected: /);
    const handle = stack.client.workflow.getHandle('signing');
    const { files, resources, bytes } = (await handle.result()) as ExportReport;
    expect(ended).toContainEqual(expect.objectContaining({ workflowId: 'signing', files, resources, bytes }));
    expect(linesOf('Activity completed')).not.toEqual([]);
  });

  test('history and disk hold no token, assertion or key, and no signature of a URL', async () => {
    const [history, location] = await Promise.all([
      stack.client.workflow.getHandle('signing').fetchHistory(),
      stack.client.workflow.getHandle('signing').result() as Promise<ExportReport>,
    ]).then(([events, report]) => [Buffer.concat(payloadsOf(events)).toString(), report.location] as const);
    const disk = (await readdir(location, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => readFile(join(entry.parentPath, entry.name), 'utf8'));
    const server = stack.servers['signing'] as SampleServer;
    const tokens = server.journal.flatMap(({ headers }) => headers.authorization?.split(' ')[1] ?? []);
    const assertions = server.journal.flatMap(
      ({ route, body }) => (route === 'token' && new URLSearchParams(body).get('client_assertion')) || [],
    );
    const urls = server.jobs().map(({ statusUrl }) => new URL(statusUrl).search.split('sig=')[1] as string);
    for (const found of [tokens, assertions, urls]) expect(found.length).toBeGreaterThan(0);
    for (const text of [history, (await Promise.all(disk)).join('\n')]) {
      expect(text).toContain('transactionTime');
      for (const secret of [
        rsa.privateJwk.d as string,
        ...tokens,
        ...assertions,
        ...urls,
        ...urls.map(decodeURIComponent),
      ])
        expect(text.includes(secret)).toBe(false);
    }
  });
});
