import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { scopesFor } from '../../src/fhir-server/ask-for-scopes.ts';
import { HttpClient } from '../../src/http/http-client.ts';
import type { AnsweringServer } from '../support/answering-server.ts';
import { startAnswering } from '../support/answering-server.ts';
import { knownServer } from '../support/tls-servers.ts';

const http = new HttpClient();
let server: AnsweringServer;
let status: number;

beforeAll(async () => {
  vi.stubEnv('SECRET_OF_SCOPES', 'word');
  server = await startAnswering(() => ({ status }));
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await http.close();
  await server.close();
});

test.each([
  [404, ['system/Patient.rs']],
  // It may know the others only, and cannot say so.
  [503, ['system/Patient.rs', 'system/Patient.read']],
])('a server whose SMART configuration answers %i is asked for %j', async (answered, scopes) => {
  status = answered;
  const one = await knownServer(http, `${server.origin}/r4`, {
    auth: {
      type: 'client-secret',
      clientId: 'me',
      clientSecretEnv: 'SECRET_OF_SCOPES',
      secretIn: 'basic',
      tokenUrl: `${server.origin}/token`,
    },
  });
  expect(await scopesFor(one, { level: 'system', types: ['Patient'], attachments: false })).toEqual(scopes);
});
