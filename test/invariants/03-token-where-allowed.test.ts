import { describe, expect, test } from 'vitest';
import type { Route } from '../../dev/sample-server/index.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import { backend, files, jwks, of, server, stack, useGuardedServers } from '../support/guarded-servers.ts';

const ours = backend(files.ecPem, { keyId: 'ec-1' });

useGuardedServers({
  guarded: [{ jwks }, ours, { pageSize: 4, requiresAccessToken: true }],
  signed: [{ jwks }, ours, { requiresAccessToken: false }],
  storage: [{ jwks }, ours, { requiresAccessToken: false, filesOrigin: 'other' }],
  main: [{ jwks }, ours, { requiresAccessToken: true }],
  foreign: [{ jwks }, ours, { requiresAccessToken: true, filesOrigin: 'other' }],
});

/** Whether each request of some routes carried a token. */
const withToken = (name: string, ...routes: Route[]): boolean[] =>
  of(name, ...routes).map(({ headers }) => /^Bearer \S+$/.test(headers.authorization ?? ''));

describe('invariant 3: the token goes only where it is allowed', () => {
  test.each([
    ['guarded', true],
    ['signed', false],
  ])('all but the files carry the token, and those too where requiresAccessToken is true: %s', async (name, files) => {
    await expectExactFiles((await stack.run({ server: name })).location, server(name));
    expect(new Set(withToken(name, 'kickOff', 'status', 'page', 'delete'))).toEqual(new Set([true]));
    expect(new Set(withToken(name, 'file'))).toEqual(new Set([files]));
  });

  test('not to signed URLs on another origin', async () => {
    await expectExactFiles((await stack.run({ server: 'storage' })).location, server('storage'));
    expect(new Set(withToken('storage', 'file'))).toEqual(new Set([false]));
    expect(new Set(withToken('storage', 'kickOff', 'status', 'delete'))).toEqual(new Set([true]));
  });

  test('not along a redirect to storage', async () => {
    server('main').faults.add({ route: 'file', times: Infinity, do: { kind: 'redirect', to: 'other' } });
    await stack.run({ server: 'main', parameters: { _type: 'Patient' } }).catch(() => undefined);
    const sent = { other: new Set<boolean>(), same: new Set<boolean>() };
    for (const { origin, headers } of of('main', 'file')) sent[origin].add(headers.authorization !== undefined);
    expect(sent).toEqual({ other: new Set([false]), same: new Set([true]) });
  });

  test('not to an origin that the configuration does not trust, even if the manifest says that it requires one', async () => {
    const failure = await stack.fail({ server: 'foreign', parameters: { _type: 'Patient' } });
    expect(failure).toEqual({
      code: 'IncompleteExport',
      message: expect.stringMatching(/no token was sent: http:\/\/\S+ is not an origin of the configuration/),
    });
    expect(of('foreign', 'file').every(({ origin }) => origin === 'other')).toBe(true);
    expect(new Set(withToken('foreign', 'file'))).toEqual(new Set([false]));
  });
});
