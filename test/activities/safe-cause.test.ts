import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { safeCause } from '../../src/activities/safe-cause.ts';
import { logError } from '../../src/process/log-error.ts';

test('a cause says of which kind it was and where, and no word more', async () => {
  const system: unknown = await readFile('/there/is/secret').catch((error: unknown) => error);
  const parser: unknown = (() => {
    try {
      return JSON.parse('secret') as unknown;
    } catch (error) {
      return error;
    }
  })();
  const error = new Error('GET https://a.example/?token=secret', { cause: parser });
  (parser as Error).cause = system;
  const cause = safeCause(error);
  expect(cause).toMatchObject({
    type: 'Error',
    cause: { type: 'SyntaxError', cause: { type: 'ENOENT', message: 'ENOENT (open)' } },
  });
  expect(cause?.stack).toContain('safe-cause.test.ts');
  for (let one: Error | undefined = cause; one !== undefined; one = one.cause as Error | undefined)
    expect(`${one.message} ${one.stack}`).not.toContain('secret');
});

test('a name that is a text of its own is not one', () => {
  expect(safeCause(Object.assign(new Error('x'), { name: 'Patient Ñandú was here' }))?.type).toBe('Error');
});

test('causes that go in circles end', () => {
  const error = new Error('x');
  error.cause = error;
  expect(safeCause(error)).toBeDefined();
});

test('the log has what an error says and its causes, and none of its other fields', () => {
  const error = Object.assign(new Error('why', { cause: new TypeError('because') }), { request: { token: 'secret' } });
  expect(logError(error)).toEqual({
    type: 'Error',
    message: 'why',
    stack: expect.stringContaining('why'),
    cause: { type: 'TypeError', message: 'because', stack: expect.any(String) },
  });
});
