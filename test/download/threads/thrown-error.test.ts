import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { toFailure } from '../../../src/activities/run-activity.ts';
import { fromThrown, toThrown } from '../../../src/download/threads/thrown-error.ts';
import { ExportError } from '../../../src/errors.ts';
import { isOutage } from '../../../src/storage/storage-error.ts';

/** An error as it comes from another thread. */
const carried = (error: unknown) => fromThrown(structuredClone(toThrown(error)));

function errorOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}

describe('an error of another thread', () => {
  test('that quotes what a parser could not read is not quoted in the history', () => {
    const error = carried(errorOf(() => JSON.parse('{"a": SECRET')));
    expect(error.message).toContain('SECRET');
    expect(JSON.stringify(toFailure(error))).not.toContain('SECRET');
    expect((toFailure(error) as Error).message).not.toContain('SECRET');
  });

  test.each<[string, () => unknown]>([
    ['of the file system', () => readFile('/does/not/exist').catch((error: unknown) => error)],
    ['of the language, with a code', () => errorOf(() => new URL('nowhere'))],
    ['of a parser', () => errorOf(() => JSON.parse('{'))],
    ['of S3', () => Object.assign(new Error('Please reduce your rate'), { name: 'SlowDown', $fault: 'server' })],
    ['of S3 without an answer', () => Object.assign(new Error('too late'), { name: 'TimeoutError' })],
    ['that nobody foresaw', () => new Error('surprise')],
  ])('%s is the same outage, or none', async (_, make) => {
    const error = await make();
    const again = carried(error);
    expect(isOutage(again)).toBe(isOutage(error));
    expect((toFailure(again) as { type: string }).type).toBe((toFailure(error) as { type: string }).type);
  });

  test('keeps its code, and its causes', () => {
    const error = carried(new ExportError('DestinationFailed', 'no space', { cause: new TypeError('why') }));
    expect(error).toMatchObject({ name: 'ExportError', code: 'DestinationFailed', message: 'no space' });
    expect(error.cause).toBeInstanceOf(TypeError);
  });
});
