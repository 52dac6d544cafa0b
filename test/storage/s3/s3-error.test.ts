import { describe, expect, test } from 'vitest';
import { ExportError } from '../../../src/errors.ts';
import { toS3Error } from '../../../src/storage/s3/s3-error.ts';

/** What the SDK would throw. */
function answer(name: string, httpStatusCode?: number, message = 'words of the server'): Error {
  return Object.assign(new Error(message), { name, ...(httpStatusCode ? { $metadata: { httpStatusCode } } : {}) });
}

describe('an answer of S3', () => {
  test.each([
    ['NoSuchBucket', 404, 'create it'],
    ['AccessDenied', 403, 's3:PutObject'],
    ['Forbidden', 403, 'no right'],
    ['401', 401, 'no right'],
    ['InvalidAccessKeyId', 403, 'credentials'],
    ['SignatureDoesNotMatch', 403, 'secret key'],
    ['ExpiredToken', 400, 'session has expired'],
    ['RequestTimeTooSkewed', 403, 'clock'],
    ['CredentialsProviderError', undefined, 'AWS_ACCESS_KEY_ID'],
    ['PermanentRedirect', 301, 'region'],
    ['301', 301, 'region'],
    ['AuthorizationHeaderMalformed', 400, 'another region'],
    ['KMS.DisabledException', 400, 'KMS'],
    ['KMS.NotFoundException', 400, 'KMS'],
    ['KMS.KMSInvalidStateException', 400, 'KMS'],
    ['QuotaExceeded', 403, 'quota'],
  ])('that a person has to mend is DestinationFailed with the fix: %s', (name, status, fix) => {
    const error = toS3Error(answer(name, status), 'lake') as ExportError;
    expect(error).toBeInstanceOf(ExportError);
    expect(error.code).toBe('DestinationFailed');
    expect(error.message).toContain('s3://lake: ');
    expect(error.message).toContain(fix);
    expect(error.message).toContain(name);
    expect(error.message).not.toContain('words of the server');
  });

  test('without a region is too', () => {
    const error = toS3Error(answer('Error', undefined, 'Region is missing'), 'lake');
    expect(error).toMatchObject({ code: 'DestinationFailed', message: expect.stringContaining('set region') });
  });

  test.each([
    ['SlowDown', 503],
    ['InternalError', 500],
    ['NoSuchKey', 404],
    ['RequestTimeout', 400],
    ['KMS.ThrottlingException', 400],
    ['KMS.KMSInternalException', 500],
    ['KMS.DependencyTimeoutException', 503],
    ['TimeoutError', undefined],
  ])('that may pass is thrown as it is, for Temporal to try again: %s', (name, status) => {
    const error = answer(name, status);
    expect(toS3Error(error, 'lake')).toBe(error);
  });
});
