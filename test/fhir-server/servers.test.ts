import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { Servers } from '../../src/fhir-server/servers.ts';
import { HttpClient } from '../../src/http/http-client.ts';
import { makeCertificates } from '../support/certificates.ts';
import { serverEntry } from '../support/stack.ts';

const folder = mkdtempSync(join(tmpdir(), 'servers-'));
const { ca } = makeCertificates(folder);
const http = new HttpClient();

afterEach(() => {
  vi.useRealTimers();
});
afterAll(async () => {
  await http.close();
  rmSync(folder, { recursive: true });
});

const entry = (caFile: string) => serverEntry('https://a.example/r4', { tls: { caFile } });

test('a certificate that could not be read does not spoil the next reading, which has begun', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const config = { servers: { one: entry(join(folder, 'missing.pem')) }, destinations: {} };
  const servers = new Servers(config, http);
  const first = servers.get('one');
  vi.setSystemTime(Date.now() + 61_000);
  config.servers.one = entry(ca);
  const second = servers.get('one');
  await expect(first).rejects.toThrow('missing.pem cannot be read');
  const server = await second;
  // Its tokens and connections are used by all who come later.
  expect(await servers.get('one')).toBe(server);
});
