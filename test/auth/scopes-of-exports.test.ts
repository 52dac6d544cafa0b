import { describe, expect, test } from 'vitest';
import type { AuthServerOptions } from '../../dev/sample-server/index.ts';
import { auth, backend, files, jwks, of, stack, useGuardedServers } from '../support/guarded-servers.ts';

const refusing =
  (...types: string[]): NonNullable<AuthServerOptions['scopesAllowed']> =>
  (asked) =>
    asked.some((scope) => types.some((type) => scope.includes(type))) ? 'invalid_scope' : asked;

useGuardedServers({
  main: [{ jwks, lifetime: 300 }, backend(files.rsaJwk)],
  narrow: [
    { jwks, scopesAllowed: (asked) => asked.filter((scope) => !scope.includes('Observation')), outOfScope: 'narrow' },
    backend(files.rsaJwk),
  ],
  refusing: [{ jwks, scopesAllowed: () => 'invalid_scope' }, backend(files.rsaJwk)],
  // As the SMART reference server: a scope for a type that it does not have refuses all of them.
  'no Binary': [
    { jwks, lifetime: 3, scopesAllowed: refusing('Binary') },
    backend(files.rsaJwk),
    { pollsUntilReady: 4, requiresAccessToken: false },
  ],
  'no Binary, no Group': [{ jwks, scopesAllowed: refusing('Binary', 'Group') }, backend(files.rsaJwk)],
  configured: [{ jwks }, backend(files.rsaJwk, { scope: 'system/Patient.read' })],
  stranger: [{ jwks: { keys: [] } }, backend(files.rsaJwk)],
});

test('scopes are derived from the request: its types, and Group for a group', async () => {
  await stack.run({ server: 'main', level: 'group', groupId: 'diabetes', parameters: { _type: 'Patient,Condition' } });
  expect(auth('main').requests[0]?.scope).toBe('system/Patient.rs system/Condition.rs system/Group.rs');
});

test('a narrower scope is a warning that names the types', async () => {
  const report = await stack.run({ server: 'narrow', parameters: { _type: 'Patient,Observation' } });
  expect(report.warnings.find(({ code }) => code === 'ScopeNarrower')?.message).toContain('Not granted: Observation');
});

describe('a scope that is only asked for in case the server wants it', () => {
  const asked = (name: string) => auth(name).requests.map(({ scope }) => scope);

  test('is left out when the server refuses it, with a warning, and not asked for again at renewals', async () => {
    const parameters = { _type: 'DocumentReference' };
    const report = await stack.run({ server: 'no Binary', parameters, attachments: 'download' });
    const [first, ...others] = asked('no Binary');
    expect(first).toBe('system/DocumentReference.rs system/Binary.rs');
    expect(others.length).toBeGreaterThan(1);
    expect(new Set(others)).toEqual(new Set(['system/DocumentReference.rs']));
    expect(report.warnings).toEqual([
      { code: 'ScopeNarrower', message: expect.stringContaining('Unknown to the server, so not asked for: Binary.') },
    ]);
    expect(report.attachments).toMatchObject({ missing: 0 });
  });

  test('is one after the other: three requests at most', async () => {
    const name = 'no Binary, no Group';
    const report = await stack.run({
      server: name,
      level: 'group',
      groupId: 'diabetes',
      parameters: { _type: 'Patient' },
      attachments: 'download',
    });
    expect(asked(name)).toEqual([
      'system/Patient.rs system/Group.rs system/Binary.rs',
      'system/Patient.rs system/Group.rs',
      'system/Patient.rs',
    ]);
    expect(report.warnings).toEqual([
      { code: 'ScopeNarrower', message: expect.stringContaining('not asked for: Group, Binary.') },
    ]);
  });

  test('is none that the request names', async () => {
    const parameters = { _type: 'Patient,Binary' };
    const failure = await stack.fail({ server: 'no Binary', parameters, attachments: 'download' });
    expect(failure.code).toBe('AuthorizationFailed');
    expect(failure.message).toMatch(/asked for: system\/Patient\.rs system\/Binary\.rs/);
    expect(asked('no Binary')).toHaveLength(1);
  });
});

test('a configured scope that covers less than the request is a warning that names the types', async () => {
  const messages = async (parameters?: Record<string, string>) => {
    const request = {
      server: 'configured',
      level: 'patient',
      ...(parameters === undefined ? {} : { parameters }),
    } as const;
    const run = await stack.start(request);
    await run.result().catch(() => undefined);
    const { warnings } = await run.progress();
    return warnings.filter(({ code }) => code === 'ScopeNarrower').map(({ message }) => message);
  };
  expect(await messages({ _type: 'Patient' })).toEqual([]);
  expect(await messages({ _type: 'Patient,Observation' })).toEqual([
    expect.stringContaining('Not in the configured scope: Observation.'),
  ]);
  expect(await messages()).toEqual([expect.stringContaining('Not in the configured scope: all other types.')]);
});

describe('a refusal for good is AuthorizationFailed, with the server’s words', () => {
  test.each([
    ['stranger', /invalid_client/, 2],
    ['refusing', /invalid_scope.*asked for: system\/\*\.rs/, 1],
  ])('%s', async (name, detail, requests) => {
    const failure = await stack.fail({ server: name });
    expect(failure.code).toBe('AuthorizationFailed');
    expect(failure.message).toMatch(detail);
    expect(auth(name).requests).toHaveLength(requests);
    const ids = auth(name).requests.map((one) => one.jti);
    expect(new Set(ids).size).toBe(ids.length);
    expect(of(name, 'kickOff')).toHaveLength(0);
  });
});
