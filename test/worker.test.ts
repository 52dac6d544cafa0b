import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { SecureServerOptions } from 'node:http2';
import { createSecureServer, createServer } from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { startTemporalServer } from '../src/temporal-server/server.ts';
import type { Config } from '../src/config.ts';
import { makeCertificates, readPems } from './support/certificates.ts';
import type { RealWorker } from './support/real-worker.ts';
import { startRealWorker } from './support/real-worker.ts';
import { serverEntry } from './support/stack.ts';
import { killWorker } from './support/worker-processes.ts';

const WORKER = fileURLToPath(new URL('../dist/src/worker.js', import.meta.url));

let folder: string;
let certificates: ReturnType<typeof makeCertificates>;
let config: Config;
const workers: RealWorker[] = [];
const servers: Server[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'worker-start-'));
  certificates = makeCertificates(folder);
  config = {
    servers: { a: serverEntry('https://a.example') },
    destinations: { local: { type: 'directory', path: folder } },
  };
});
afterEach(async () => {
  await Promise.all(workers.splice(0).map(({ child }) => killWorker(child)));
  for (const server of servers.splice(0)) server.close();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/**
 * Serves gRPC: answers each method with a status, as proxies and authorizers of Temporal do.
 *
 * @returns its address
 */
async function serveGrpc(statusOf: (method: string) => number, tls?: SecureServerOptions): Promise<string> {
  const server = tls === undefined ? createServer() : createSecureServer(tls);
  server.on('stream', (stream, headers) => {
    const status = statusOf(String(headers[':path']));
    const type = { ':status': 200, 'content-type': 'application/grpc' };
    if (status !== 0) {
      stream.respond({ ...type, 'grpc-status': String(status), 'grpc-message': 'detail' }, { endStream: true });
      return;
    }
    stream.respond(type, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    // An empty message.
    stream.end(Buffer.alloc(5));
  });
  server.on('sessionError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  servers.push(server);
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Answers every handshake of TLS with an alert. */
async function serveAlert(description: number): Promise<string> {
  const server = createTcpServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(Buffer.from([21, 3, 3, 0, 2, 2, description])));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  servers.push(server);
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function isInfo(method: string): boolean {
  return method.endsWith('/GetSystemInfo');
}

async function start(address: string, env: NodeJS.ProcessEnv = {}, content = config): Promise<RealWorker> {
  const worker = await startRealWorker({ config: content, temporal: { address } }, env);
  workers.push(worker);
  return worker;
}

const OK = 0;
const DEADLINE_EXCEEDED = 4;
const PERMISSION_DENIED = 7;
const UNAVAILABLE = 14;
const UNAUTHENTICATED = 16;
/** Alerts of TLS. */
const UNKNOWN_CA = 48;
const INTERNAL_ERROR = 80;

describe('a worker whose Temporal will never let it in ends, and says why', () => {
  test.each([
    ['UNAUTHENTICATED', UNAUTHENTICATED],
    ['PERMISSION_DENIED', PERMISSION_DENIED],
  ])('%s', async (_name, status) => {
    const address = await serveGrpc(() => status);
    const { exited, logs } = await start(address, { TEMPORAL_API_KEY: 'hunter2', TEMPORAL_TLS: 'false' });
    expect(await exited).toBe(1);
    expect(logs()).toContain(`Temporal at ${address}: it refuses the credentials; check TEMPORAL_API_KEY`);
    expect(logs()).not.toContain('hunter2');
  });

  test('PERMISSION_DENIED for the namespace only', async () => {
    const address = await serveGrpc((method) => (isInfo(method) ? OK : PERMISSION_DENIED));
    const { exited, logs } = await start(address);
    expect(await exited).toBe(1);
    expect(logs()).toMatch(/permission/i);
  });

  test('a certificate that nobody vouches for, one of another name, and TLS where there is none', async () => {
    const address = await serveGrpc(() => OK, readPems(certificates.server));
    const ca = { TEMPORAL_TLS_SERVER_CA_CERT_PATH: certificates.ca };
    for (const [env, detail] of [
      [{ TEMPORAL_TLS: 'true' }, 'UnknownIssuer'],
      [{ ...ca, TEMPORAL_TLS_SERVER_NAME: 'temporal.example' }, 'NotValidForName'],
    ] as const) {
      const { exited, logs } = await start(address, env);
      expect(await exited).toBe(1);
      expect(logs()).toContain(`Temporal at ${address}: its certificate is not trusted`);
      expect(logs()).toContain(detail);
    }
    const plain = await start(await serveGrpc(() => OK), { TEMPORAL_TLS: 'true' });
    expect(await plain.exited).toBe(1);
    expect(plain.logs()).toContain('it does not speak TLS');
  });

  test('a client certificate that is missing', async () => {
    const demand = { requestCert: true, rejectUnauthorized: true, ca: readFileSync(certificates.ca) };
    const address = await serveGrpc(() => OK, { ...readPems(certificates.server), ...demand });
    const { exited, logs } = await start(address, { TEMPORAL_TLS_SERVER_CA_CERT_PATH: certificates.ca });
    expect(await exited).toBe(1);
    expect(logs()).toContain('the client certificate is missing or not accepted');
  });

  test('a client certificate that is refused during the handshake, as before TLS 1.3', async () => {
    const { exited, logs } = await start(await serveAlert(UNKNOWN_CA), { TEMPORAL_TLS: 'true' });
    expect(await exited).toBe(1);
    expect(logs()).toContain('the client certificate is missing or not accepted');
  });

  test('an address that is none', async () => {
    const { exited, logs } = await start('no address');
    expect(await exited).toBe(1);
    expect(logs()).toContain('Temporal at no address: ');
  });

  test('a namespace that it does not have', async () => {
    const temporal = await startTemporalServer({ cli: inject('temporalCli'), ports: 'free', headless: true });
    try {
      const { exited, logs } = await start(temporal.address, { TEMPORAL_NAMESPACE: 'nowhere' });
      expect(await exited).toBe(1);
      expect(logs()).toMatch(/it has no namespace .*nowhere.*; check TEMPORAL_NAMESPACE/);
    } finally {
      await temporal.stop();
    }
  });
});

test.each<[string, () => Promise<string>, NodeJS.ProcessEnv?]>([
  ['UNAVAILABLE', () => serveGrpc(() => UNAVAILABLE)],
  // The SDK describes the namespace, and ends at once.
  ['a frontend before its database', () => serveGrpc((method) => (isInfo(method) ? OK : DEADLINE_EXCEEDED))],
  ['a load balancer whose TLS is not ready', () => serveAlert(INTERNAL_ERROR), { TEMPORAL_TLS: 'true' }],
  ['a connection that is refused', async () => '127.0.0.1:1'],
  ['a name that is not found', async () => 'nobody.invalid:7233'],
])('a worker waits for Temporal: %s', async (_name, addressOf, env: NodeJS.ProcessEnv = {}) => {
  const { child, logs } = await start(await addressOf(), env);
  await expect.poll(logs, { timeout: 20_000 }).toContain('Temporal is unreachable; retrying');
  expect(child.exitCode).toBeNull();
});

describe('what is wrong with secrets and the audit trail is said at the start, one line for each, and stops nothing', () => {
  test('files that are missing or hold no key, and variables that are not set', async () => {
    const notKey = join(folder, 'not-a-key.pem');
    await writeFile(notKey, 'hunter2');
    const none = join(folder, 'none');
    const page = join(folder, 'page.html');
    await writeFile(page, 'please log in: hunter2');
    const servers = {
      keyed: { auth: { type: 'smart-backend', clientId: 'x', privateKeyFile: none } },
      broken: { auth: { type: 'smart-backend', clientId: 'x', privateKeyFile: notKey } },
      basic: { auth: { type: 'basic', username: 'x', passwordEnv: 'NOT_SET_ANYWHERE' } },
      bearer: { auth: { type: 'bearer', tokenFile: page } },
      tls: { tls: { caFile: none } },
      proxied: { proxyCredentialsFile: none },
    } as const;
    const entries = Object.entries(servers).map(([name, more]) => [name, serverEntry('https://a.example', more)]);
    const audit = { destination: { type: 'directory', path: `${folder}.no` }, required: false } as const;
    const { logs } = await start('127.0.0.1:1', {}, { ...config, servers: Object.fromEntries(entries), audit });
    await expect.poll(logs, { timeout: 20_000 }).toContain('Temporal is unreachable');
    await expect.poll(logs).toContain(`audit.destination: ${folder}.no does not exist`);
    const said = logs()
      .split('\n')
      .filter((line) => line.includes('"level":40') && line.includes('servers.'))
      .map((line) => (JSON.parse(line) as { msg: string }).msg);
    expect(said).toEqual([
      `servers.keyed.auth: ${none} cannot be read (ENOENT); exports from keyed fail until this is fixed`,
      expect.stringMatching(/^servers\.broken\.auth: the private key cannot be used: .*; exports from broken fail/),
      expect.stringMatching(/^servers\.basic\.auth: the environment variable NOT_SET_ANYWHERE is not set; /),
      expect.stringMatching(/^servers\.bearer\.auth: .*page\.html holds no token: /),
      `servers.tls.tls.caFile: ${none} cannot be read (ENOENT); exports from tls fail until this is fixed`,
      `servers.proxied.proxyCredentials: ${none} cannot be read (ENOENT); exports from proxied fail until this is fixed`,
    ]);
    expect(logs()).not.toContain('hunter2');
  });
});

describe('faults of the configuration', () => {
  const FAULTY = 'servers:\n  a: { baseUrl: http://a.example }\ndestinations:\n  d: { type: directory }\n';
  const faults = (file: string) => [
    `${file} has 2 faults:`,
    '  line 2: servers.a.baseUrl: must be https: (http: is allowed on loopback only)',
    '  line 4: destinations.d.path: is missing',
  ];

  // `script` gives the program a terminal.
  test.skipIf(!existsSync('/usr/bin/script'))('are lines for people at a terminal', async () => {
    const file = join(folder, 'faulty.yaml');
    await writeFile(file, FAULTY);
    const { stdout } = await promisify(execFile)(
      '/usr/bin/script',
      ['-qec', `'${process.execPath}' '${WORKER}' || true`, '/dev/null'],
      { env: { ...process.env, BULK_EXPORT_CONFIG: file } },
    );
    expect(stdout.trim().split(/\r?\n/)).toEqual(faults(file));
  });

  test('are a line of the log elsewhere, and so is a LOG_LEVEL that is none', async () => {
    const file = join(folder, 'faulty.yaml');
    await writeFile(file, FAULTY);
    const endWith = async (env: NodeJS.ProcessEnv): Promise<string> => {
      const { exited, logs } = await start('127.0.0.1:1', env);
      expect(await exited).toBe(1);
      return (JSON.parse(logs()) as { msg: string }).msg;
    };
    expect((await endWith({ BULK_EXPORT_CONFIG: file })).split('\n')).toEqual(faults(file));
    expect(await endWith({ LOG_LEVEL: 'all' })).toBe('LOG_LEVEL: must be debug, info, warn or error; this is "all"');
  });
});
