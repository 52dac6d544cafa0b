import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Connection } from '@temporalio/client';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { parse } from 'yaml';

import { composeFile, readCompose, serverArguments } from '../../src/temporal-server/compose.ts';
import { findFreePorts, isListening } from '../../src/temporal-server/ports.ts';
import { startTemporalServer } from '../../src/temporal-server/server.ts';

const cli = inject('temporalCli');
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dev-stack-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function searchAttributesAt(address: string): Promise<unknown> {
  const connection = await Connection.connect({ address });
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace: 'default' });
  await connection.close();
  return customAttributes;
}

describe('the Compose file', () => {
  it('gives the arguments of a local server, on loopback', async () => {
    const ports = { grpc: 1, http: 2, ui: 3 };
    const settings = await readCompose();
    expect(settings.ports).toEqual({ grpc: 7233, http: 7243, ui: 8233 });
    const searchAttributes = ['FhirServer', 'ExportPhase', 'ExportLevel', 'ExportOutcome']
      .map((name) => `--search-attribute=${name}=Keyword`)
      .join(' ');
    const others = `${searchAttributes} --dynamic-config-value=history.timerProcessorMaxTimeShift="50ms"`;
    expect(serverArguments(settings, { ports, dbFilename: 'a.db' }).join(' ')).toBe(
      `server start-dev --ip=127.0.0.1 --port=1 --http-port=2 --ui-port=3 --db-filename=a.db ${others}`,
    );
    expect(serverArguments(settings, { ports, headless: true }).join(' ')).toBe(
      `server start-dev --ip=127.0.0.1 --port=1 --http-port=2 --headless ${others}`,
    );
  });

  it('publishes the same ports, on loopback only', async () => {
    const { ports } = await readCompose();
    const compose = parse(await readFile(composeFile, 'utf8')) as { services: { temporal: { ports: string[] } } };
    expect(compose.services.temporal.ports).toEqual(
      [ports.grpc, ports.http, ports.ui].map((port) => `127.0.0.1:${port}:${port}`),
    );
  });

  it('passes on arguments that it does not know, and refuses what it cannot read', async () => {
    const file = join(folder, 'compose.yml');
    const write = (last: string): Promise<void> =>
      writeFile(
        file,
        `services: { temporal: { command: [server, start-dev, --port=1, --http-port=2, --ui-port=3, ${last}] } }`,
      );
    await write('--dynamic-config-value=a.b=true');
    expect((await readCompose(file)).otherArguments).toEqual(['--dynamic-config-value=a.b=true']);
    await write('stray');
    await expect(readCompose(file)).rejects.toThrow('cannot read "stray"; write --name=value');
  });
});

describe('startTemporalServer', () => {
  it('starts with the search attributes and stops for good', async () => {
    const server = await startTemporalServer({ cli, ports: 'free' });
    const port = Number(server.address.split(':')[1]);
    try {
      expect(await searchAttributesAt(server.address)).toMatchObject({ FhirServer: 2, ExportPhase: 2 });
      expect((await fetch(`${server.httpUrl}/api/v1/namespaces/default`)).status).toBe(200);
      expect((await fetch(server.uiUrl!)).status).toBe(200);
    } finally {
      await server.stop();
    }
    await server.stop();
    expect(await isListening(port)).toBe(false);
    expect(await server.exited).toBe('exit code 0');
  });

  it('adds the search attributes to a database from before', async () => {
    const dbFilename = join(folder, 'temporal.db');
    const { grpc } = await findFreePorts();
    const args = [
      'server',
      'start-dev',
      '--headless',
      '--ip=127.0.0.1',
      `--port=${grpc}`,
      `--db-filename=${dbFilename}`,
    ];
    const before = spawn(cli, args, { stdio: 'ignore' });
    try {
      await expect.poll(() => isListening(grpc), { timeout: 20_000 }).toBe(true);
      expect(await searchAttributesAt(`127.0.0.1:${grpc}`)).not.toHaveProperty('FhirServer');
    } finally {
      before.kill();
      await once(before, 'exit');
    }

    const server = await startTemporalServer({ cli, ports: 'free', headless: true, dbFilename });
    try {
      expect(await searchAttributesAt(server.address)).toMatchObject({ FhirServer: 2, ExportPhase: 2 });
      const start = 'workflow start --type any --task-queue any --address';
      const attributes = [
        '--search-attribute',
        'FhirServer="a.example"',
        '--search-attribute',
        'ExportPhase="polling"',
      ];
      await promisify(execFile)(cli, [...start.split(' '), server.address, ...attributes]);
    } finally {
      await server.stop();
    }
  });

  it('names the port that is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    await expect(startTemporalServer({ cli, ports: 'free', httpPort: port })).rejects.toThrow(
      `Port ${port} on 127.0.0.1 (Temporal HTTP API) cannot be used: it is already in use.`,
    );
    other.close();
  });

  it('passes on what the server says when it does not start', async () => {
    const options = { cli, ports: 'free', headless: true, extraArgs: ['--no-such-flag'] } as const;
    await expect(startTemporalServer(options)).rejects.toThrow(/did not start.*exit code 1[^]*no-such-flag/);
    await expect(startTemporalServer({ ...options, cli: join(folder, 'none') })).rejects.toThrow(
      /did not start.*ENOENT/,
    );
  });
});
