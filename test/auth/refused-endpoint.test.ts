import { expect, test, vi } from 'vitest';
import { HttpClient } from '../../src/http/http-client.ts';
import { knownServer } from '../support/tls-servers.ts';

test('a token endpoint at an address that is not asked is final for every step, not an outage', async () => {
  vi.stubEnv('SECRET_OF_THIS_TEST', 'hunter2');
  const http = new HttpClient();
  const server = await knownServer(http, 'http://127.0.0.1:1/fhir', {
    auth: {
      type: 'client-secret',
      clientId: 'x',
      clientSecretEnv: 'SECRET_OF_THIS_TEST',
      secretIn: 'basic',
      tokenUrl: 'https://169.254.169.254/token',
    },
  });
  await expect(server.authorize({ epoch: 1, scope: '' })).rejects.toMatchObject({
    code: 'AuthorizationFailed',
    message: expect.stringContaining('it is a link-local or cloud metadata address') as string,
  });
  await http.close();
  vi.unstubAllEnvs();
});
