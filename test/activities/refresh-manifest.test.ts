import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createAuthServer, type SampleServer } from '../../dev/sample-server/index.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import { makeKey, secretFile } from '../support/keys.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

const LIFETIME = 4;
const PAGE_TIME = 500;

let stack: Stack;
let hospital: SampleServer;
let keys: string;

beforeAll(async () => {
  keys = await mkdtemp(join(tmpdir(), 'keys-'));
  const key = await makeKey('ES384', 'ec-1');
  const privateKeyFile = await secretFile(keys, 'key.jwk.json', key.privateJwk);
  const authorization = createAuthServer({ jwks: { keys: [key.publicJwk] }, lifetime: LIFETIME });
  stack = await startStack({
    servers: { hospital: { patients: 40, linesPerFile: 20, pollsUntilReady: 0, pageSize: 2, authorization } },
    entries: { hospital: { auth: { type: 'smart-backend', clientId: 'demo-client', privateKeyFile } } },
  });
  hospital = stack.servers['hospital'] as SampleServer;
});
afterAll(async () => {
  await stack.close();
  await rm(keys, { recursive: true });
});

test('a manifest of so many pages that a token ends before the last can be read, and read again', async () => {
  for (const route of ['status', 'page'] as const) {
    hospital.faults.add({ route, times: Infinity, do: { kind: 'delay', ms: PAGE_TIME } });
  }
  hospital.faults.add({ route: 'file', skip: 3, do: { kind: 'expireFileUrls', status: 403 } });
  const report = await stack.run({});
  await expectExactFiles(report.location, hospital);
  const pages = hospital.journal.filter(({ route }) => route === 'status' || route === 'page').map(({ url }) => url);
  const different = new Set(pages).size;
  expect(different * PAGE_TIME).toBeGreaterThan(LIFETIME * 1000);
  // Each once to begin with and once for fresh links, and one more whenever a token ended.
  expect(pages.length).toBeLessThan(2 * different + 2 * Math.ceil((different * PAGE_TIME) / (LIFETIME * 1000)) + 2);
}, 240_000);
