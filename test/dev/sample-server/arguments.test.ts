import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readArguments } from '../../../dev/sample-server/arguments.ts';
import { ask, assertion, ec, startWith } from './auth-server/auth-servers.ts';

function optionsFrom(...args: string[]) {
  const read = readArguments(args);
  return read.kind === 'run' ? read.options : expect.fail('--help');
}

test('options of the server', () => {
  expect(readArguments(['--help', '--port', 'x'])).toEqual({ kind: 'help' });
  expect(optionsFrom()).toEqual({ port: 8080, gzip: true });
  expect(
    optionsFrom('--port', '0', '--fhir-version', '4', '--reading', 'hapi', '--ready-after', '0', '--no-gzip'),
  ).toEqual({ port: 0, version: 4, reading: 'hapi', readyAfterMs: 0, gzip: false });
  for (const [name, value, message] of [
    ['port', '65536', '--port needs a whole number of at least 0 and at most 65535'],
    ['patients', '1.5', '--patients needs a whole number of at least 0'],
    ['throttle', '', '--throttle needs a whole number of at least 1'],
    ['reading', 'fast', '--reading needs smart or hapi'],
    ['files-origin', 'third', '--files-origin needs same or other'],
    ['speed', '9', "Unknown option '--speed'"],
  ] as const) {
    expect(() => optionsFrom(`--${name}`, value), name).toThrow(message);
  }
});

test('options of the authorization server', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'auth-'));
  const jwks = join(folder, 'public.jwks.json');
  try {
    await writeFile(jwks, JSON.stringify({ keys: [ec.jwk] }));
    const backend = ['--auth', 'backend', '--jwks', jwks, '--client-id', 'demo'];
    const { authorization: auth } = optionsFrom(...backend, '--token-lifetime', '7');
    const started = await startWith(auth ?? expect.fail('no authorization server'));
    const signed = await assertion(started, { claims: { iss: 'demo', sub: 'demo' } });
    expect((await ask(started, { client_assertion: signed })).json).toMatchObject({ expires_in: 7 });
    expect(optionsFrom('--auth', 'none').authorization).toBeUndefined();
    expect(() => optionsFrom('--jwks', jwks)).toThrow('--jwks needs --auth backend');
    expect(() => optionsFrom('--auth', 'backend')).toThrow('--jwks or --client-secret');
    expect(() => optionsFrom(...backend, '--token-lifetime', '0')).toThrow('--token-lifetime');
    expect(() => optionsFrom('--auth', 'on')).toThrow('none or backend');
  } finally {
    await rm(folder, { recursive: true });
  }
});
