import { expect, test } from 'vitest';
import { auth, backend, files, jwks, of, server, stack, useGuardedServers } from '../support/guarded-servers.ts';

useGuardedServers({
  oracle: [
    { jwks, scopesAllowed: (asked) => (asked.some((scope) => /Binary/.test(scope)) ? 'invalid_scope' : asked) },
    backend(files.rsaJwk),
    {},
    { profile: 'oracle-millennium', firstPollSeconds: 1, shortestPollSeconds: 1 },
  ],
  firely: [{ jwks }, backend(files.rsaJwk), {}, { profile: 'firely' }],
  unchanged: [{ jwks }, backend(files.rsaJwk)],
  epic: [{ jwks }, backend(files.rsaJwk), {}, { profile: 'epic' }],
  chosen: [{ jwks }, backend(files.rsaJwk), {}, { profile: 'epic', headers: { 'epic-client-id': 'another' } }],
});

const SMALL = { parameters: { _type: 'Patient' } };
const wrongly = {
  kind: 'transformManifest',
  transform: (m: object) => ({ ...m, requiresAccessToken: false }),
} as const;

test('scopes have the syntax of the profile, whatever the server declares', async () => {
  await stack.run({ server: 'firely', ...SMALL });
  expect(auth('firely').requests[0]?.scope).toBe('system/Patient.read');
});

test('a scope that is not needed is not asked for, and one that is needed is not left out', async () => {
  const failure = await stack.fail({
    server: 'oracle',
    level: 'group',
    groupId: 'diabetes',
    parameters: { _type: 'DocumentReference' },
    attachments: 'download',
  });
  expect(failure.code).toBe('AuthorizationFailed');
  expect(new Set(auth('oracle').requests.map(({ scope }) => scope))).toEqual(
    new Set(['system/DocumentReference.rs system/Binary.rs']),
  );
});

test('files get the token although the manifest says that they need none, if the profile knows better', async () => {
  server('firely').faults.add({ route: 'status', times: Infinity, do: wrongly });
  expect((await stack.run({ server: 'firely', ...SMALL })).status).toBe('complete');
  expect(of('firely', 'file').every(({ headers }) => headers.authorization !== undefined)).toBe(true);
  // Without the profile the manifest is believed, and the file refused.
  server('unchanged').faults.add({ route: 'status', times: Infinity, do: wrongly });
  expect((await stack.fail({ server: 'unchanged', ...SMALL })).code).toBe('IncompleteExport');
});

test('the client id is in the header that the profile names, unless the configuration has another', async () => {
  await stack.run({ server: 'epic', ...SMALL });
  const ids = (name: string) => new Set(of(name, 'kickOff', 'file').map(({ headers }) => headers['epic-client-id']));
  expect(ids('epic')).toEqual(new Set(['demo-client']));
  await stack.run({ server: 'chosen', ...SMALL });
  expect(ids('chosen')).toEqual(new Set(['another']));
});

test('a failure has the ids that the vendor asks for, and nothing that is no id', async () => {
  const refuse = (headers: Record<string, string>) =>
    ({ route: 'kickOff', do: { kind: 'answer', status: 400, headers, body: '' } }) as const;
  server('epic').faults.add(refuse({ 'X-Request-Id': '4711-a', 'X-Correlation-Id': 'x'.repeat(200) }));
  const { message } = await stack.fail({ server: 'epic', ...SMALL });
  expect(message).toBe('KickOffRejected: HTTP 400 (x-request-id: 4711-a)');
});
