import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { HttpClient } from '../../src/http/http-client.ts';
import { readMetadata } from '../../src/http/server-descriptions.ts';

test('the clock of the server is read when its answer begins, not when a slow document has come', async () => {
  const server = createServer((_, response) => {
    response.flushHeaders();
    setTimeout(() => response.end('{}'), 300);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const http = new HttpClient();
  const rules = { trustedHeaders: {}, trustedOrigins: new Set<string>(), loopback: true };
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const answer = await readMetadata(http, rules, baseUrl);
  expect(Date.now() - (answer.clock?.at ?? 0)).toBeGreaterThan(150);
  await http.close();
  server.close();
});
