import { expect, test } from 'vitest';
import { auth, backend, files, jwks, of, server, stack, useGuardedServers } from '../support/guarded-servers.ts';

const MANY = { patients: 60, linesPerFile: 6 };

useGuardedServers({
  some: [{ jwks, lifetime: 300 }, backend(files.rsaJwk), MANY],
  once: [{ jwks, lifetime: 300 }, backend(files.rsaJwk), MANY],
});

const isObservation = ({ url }: { url: string }): boolean => /\/Observation/.test(url);

test('files that are refused whatever the token cost neither a token nor a batch each', async () => {
  server('some').faults.add({
    route: 'file',
    match: isObservation,
    times: Infinity,
    do: { kind: 'answer', status: 401 },
  });
  expect(await stack.fail({ server: 'some' })).toMatchObject({ code: 'IncompleteExport' });
  const refused = of('some', 'file').filter(({ status }) => status === 401);
  const names = new Set(refused.map(({ url }) => url.replace(/\?.*/, '')));
  expect(names.size).toBeGreaterThan(30);
  // All others have come.
  const came = of('some', 'file').filter(({ status }) => status === 200);
  expect(came.every((entry) => !isObservation(entry))).toBe(true);
  expect(came.length).toBeGreaterThan(10);
  expect(auth('some').requests.length).toBeLessThanOrEqual(5);
  // Some more than once with each token, as many as were on their way when it was refused.
  expect(refused.length).toBeLessThan(6 * names.size);
  expect(of('some', 'status').length).toBeLessThan(12);
});

test('a token that ends for all files afterwards is renewed', async () => {
  let isRevoked = false;
  server('once').faults.add({
    route: 'file',
    match: (entry) => isObservation(entry),
    times: 6,
    do: { kind: 'answer', status: 401 },
  });
  server('once').faults.add({
    route: 'file',
    skip: 30,
    times: 1,
    match: () => (isRevoked ||= (auth('once').revokeAll(), true)),
    do: { kind: 'delay', ms: 1 },
  });
  expect((await stack.run({ server: 'once' })).status).toBe('complete');
  expect(auth('once').requests.length).toBeLessThanOrEqual(5);
});
