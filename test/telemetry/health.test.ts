import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest';
import type { Config } from '../../src/config.ts';
import type { TemporalServer } from '../../src/temporal-server/server.ts';
import { startTemporalServer } from '../../src/temporal-server/server.ts';
import type { HealthCheck } from '../../src/telemetry/health.ts';
import { freeAddress } from '../support/listen.ts';
import type { RealWorker } from '../support/real-worker.ts';
import { startRealWorker } from '../support/real-worker.ts';
import { serverEntry } from '../support/stack.ts';
import { killWorker } from '../support/worker-processes.ts';

let folder: string;
let config: Config;
let temporal: TemporalServer;
const workers: RealWorker[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'health-'));
  config = {
    servers: { a: serverEntry('https://a.example') },
    destinations: { local: { type: 'directory', path: join(folder, 'disk/exports') } },
  };
  temporal = await startTemporalServer({ cli: inject('temporalCli'), ports: 'free', headless: true, extraArgs: [] });
});
afterAll(async () => {
  await Promise.all(workers.map(({ child }) => killWorker(child)));
  await temporal.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Starts a worker; gives the address of its probes. */
async function start(address: string): Promise<string> {
  const health = await freeAddress();
  workers.push(await startRealWorker({ config, temporal: { address } }, { BULK_EXPORT_HEALTH: health }));
  return health;
}

async function probe(address: string, path: string): Promise<{ status: number; body: { checks?: HealthCheck[] } }> {
  const response = await fetch(`http://${address}${path}`);
  return { status: response.status, body: (await response.json()) as { checks?: HealthCheck[] } };
}

/** What is not well, when it is as expected at last. */
async function expectTrouble(address: string, expected: Record<string, unknown>): Promise<void> {
  await vi.waitFor(
    async () => {
      const { status, body } = await probe(address, '/readyz');
      const trouble = (body.checks ?? []).filter(({ ok }) => !ok);
      expect(Object.fromEntries(trouble.map(({ name, reason }) => [name, reason]))).toEqual(expected);
      expect(status).toBe(Object.keys(expected).length === 0 ? 200 : 503);
    },
    { timeout: 60_000, interval: 200 },
  );
}

test('a worker that cannot reach Temporal lives, is not ready, and says why', async () => {
  const address = await start(await freeAddress());
  await expectTrouble(address, {
    // And not the debug text of the SDK's core.
    temporal: 'tcp connect error: Connection refused',
    workers: 'not started yet',
  });
  expect(await probe(address, '/livez')).toEqual({ status: 200, body: { ok: true } });
  expect((await probe(address, '/')).status).toBe(404);
});

test('ready means: Temporal answers, each worker runs, each destination can be written to', async () => {
  // The disk is not there, but something else.
  await writeFile(join(folder, 'disk'), '');
  const address = await start(temporal.address);
  await expectTrouble(address, { 'destination local': expect.stringContaining('a part of the path is a file') });
  await rm(join(folder, 'disk'));
  await expectTrouble(address, {});
  const { body } = await probe(address, '/readyz');
  expect(body.checks?.map(({ name }) => name)).toEqual([
    'temporal',
    'worker fhir-bulk-export',
    'worker fhir-bulk-export.files.a',
    'destination local',
  ]);
  await temporal.stop();
  await expectTrouble(address, { temporal: expect.any(String) });
  expect((await probe(address, '/livez')).status).toBe(200);
}, 120_000);

test('an address at which nobody can listen ends the worker with the reason', async () => {
  const health = await freeAddress();
  const settings = { config: { ...config, health: '203.0.113.1:9465' }, temporal: { address: health } };
  const worker = await startRealWorker(settings);
  workers.push(worker);
  expect(await worker.exited).toBe(1);
  expect(worker.logs()).toContain('health: nobody can listen at 203.0.113.1:9465 (EADDRNOTAVAIL)');
});
