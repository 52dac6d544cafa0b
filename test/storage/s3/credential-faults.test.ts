import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { ExportError } from '../../../src/errors.ts';
import { CredentialFaults } from '../../../src/storage/s3/credential-faults.ts';
import { openS3 } from '../../../src/storage/s3/s3.ts';
import { isOutage } from '../../../src/storage/storage-error.ts';
import { startAnswering } from '../../support/answering-server.ts';

const MINUTE = 60_000;
const NONE = Object.assign(new Error('none'), { name: 'CredentialsProviderError' });
const SERVICE = { AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://127.0.0.1/' };

describe('an error that is about credentials', () => {
  const passes = (faults: CredentialFaults, minutes: number[], error: Error = NONE): boolean[] =>
    minutes.map((minute) => faults.mayPass(error, minute * MINUTE));

  test('is final where nobody can give any', () => {
    expect(passes(new CredentialFaults({}), [0, 1])).toEqual([false, false]);
  });

  test('may pass for five minutes where a service is to give them', () => {
    expect(passes(new CredentialFaults(SERVICE), [0, 1, 4.9, 5])).toEqual([true, true, true, false]);
    expect(passes(new CredentialFaults({ AWS_WEB_IDENTITY_TOKEN_FILE: '/token' }), [0])).toEqual([true]);
  });

  test('may pass for an hour once some have worked, and anew whenever they have', () => {
    const faults = new CredentialFaults({});
    faults.end();
    expect(passes(faults, [0, 14, 28, 42, 56, 59.9, 60])).toEqual([true, true, true, true, true, true, false]);
    faults.end();
    expect(passes(faults, [61, 75])).toEqual([true, true]);
    // So long without one that it is another fault.
    expect(passes(faults, [130])).toEqual([true]);
  });

  test('is final of a session that has ended, if it is one of the environment', () => {
    const ended = Object.assign(new Error('ended'), { name: 'ExpiredToken' });
    const fixed = new CredentialFaults({ AWS_ACCESS_KEY_ID: 'x' });
    const others = new CredentialFaults({ AWS_ACCESS_KEY_ID: 'x', AWS_PROFILE: 'y' });
    for (const faults of [fixed, others]) faults.end();
    expect([passes(fixed, [0], ended), passes(others, [0], ended)]).toEqual([[false], [true]]);
  });

  test('is no other error', () => {
    const faults = new CredentialFaults(SERVICE);
    faults.end();
    expect(passes(faults, [0], Object.assign(new Error('no'), { name: 'AccessDenied' }))).toEqual([false]);
  });
});

test('a service of credentials that is away for a moment is waited for, and its credentials are used then', async () => {
  let isAway = true;
  const keys = {
    AccessKeyId: 'id',
    SecretAccessKey: randomBytes(8).toString('hex'),
    Token: randomBytes(8).toString('hex'),
  };
  const expiring = { ...keys, Expiration: new Date(Date.now() + 60 * MINUTE).toISOString() };
  const server = await startAnswering(({ url }) => {
    if (url === '/keys') return isAway ? { status: 500 } : { body: expiring };
    return { headers: { 'content-length': '7' } };
  });
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE']) vi.stubEnv(name, undefined);
  vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', `${server.origin}/keys`);
  vi.stubEnv('AWS_CONFIG_FILE', '/nowhere');
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nowhere');
  try {
    const folder = openS3({ type: 's3', bucket: 'lake', endpoint: server.origin }, 'path');
    const error: unknown = await folder.size('file').catch((caught: unknown) => caught);
    expect(error).not.toBeInstanceOf(ExportError);
    expect([(error as Error).name, isOutage(error)]).toEqual(['CredentialsProviderError', true]);
    isAway = false;
    expect(await folder.size('file')).toBe(7);
  } finally {
    await server.close();
  }
}, 60_000);

afterEach(() => vi.unstubAllEnvs());
