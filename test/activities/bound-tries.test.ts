import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { boundTries } from '../../src/activities/bound-tries.ts';
import { ExportError } from '../../src/errors.ts';

const attempt = (number: number) => ({ number, signal: new AbortController().signal, report: () => {} });
const failing = (error: unknown) => async () => {
  throw error;
};

async function thrown(action: () => Promise<unknown>): Promise<unknown> {
  return action().then(
    () => undefined,
    (error: unknown) => error,
  );
}

const notJson = await thrown(async () => JSON.parse('Mrs Secret') as unknown);
const notThere = await thrown(() => readFile('/nowhere/at/all'));

describe('an error that nobody foresaw', () => {
  test.each([
    ['SyntaxError', notJson],
    ['RangeError', new RangeError('Invalid string length: Secret')],
    ['ERR_STRING_TOO_LONG', Object.assign(new Error('Secret'), { code: 'ERR_STRING_TOO_LONG' })],
    ['Error', new Error('Secret')],
  ])('is tried again, and then final: %s', async (kind, error) => {
    for (const number of [1, 2]) await expect(boundTries(attempt(number), 'there', failing(error))).rejects.toBe(error);
    await expect(boundTries(attempt(3), 'there', failing(error))).rejects.toMatchObject({
      code: 'DestinationFailed',
      message: `there cannot be worked on: ${kind}`,
    });
  });
});

describe('an outage of the destination is tried again for as long as it lasts', () => {
  const withCode = (code: string): Error => Object.assign(new Error(code), { code });
  test.each([
    notThere,
    withCode('EIO'),
    withCode('ESTALE'),
    withCode('ECONNREFUSED'),
    withCode('EAI_AGAIN'),
    withCode('DEPTH_ZERO_SELF_SIGNED_CERT'),
    withCode('ERR_TLS_CERT_ALTNAME_INVALID'),
    Object.assign(new Error('SlowDown'), { $metadata: { httpStatusCode: 503 } }),
    Object.assign(new Error('no answer'), { name: 'TimeoutError' }),
    new ExportError('IncompleteExport', 'of the table already'),
  ])('%s', async (error) => {
    await expect(boundTries(attempt(1000), 'there', failing(error))).rejects.toBe(error);
  });
});
