import { ExportError } from '../../errors.ts';

/** What a person must fix, by the code of S3's answer or the name of the SDK's error. */
const FINAL: Record<string, string> = {
  NoSuchBucket: 'there is no such bucket; create it or correct bucket, region or endpoint',
  InvalidBucketName: 'that is no name of a bucket; correct it',
  AccessDenied:
    'the worker has no right to do this, or the bucket is not of expectedBucketOwner; allow s3:ListBucket, s3:GetObject, s3:PutObject, s3:DeleteObject, s3:AbortMultipartUpload, s3:ListMultipartUploadParts and s3:ListBucketMultipartUploads',
  AllAccessDisabled: 'the bucket has been disabled; ask its owner',
  AccountProblem: 'there is a problem with the account; ask its owner',
  InvalidAccessKeyId: 'the access key is not known there; correct the credentials of the worker',
  XAdminUserNotFound: 'the access key is not known there; correct the credentials of the worker',
  SignatureDoesNotMatch: 'the secret key is wrong; correct the credentials of the worker',
  InvalidToken: 'the session token is not valid; renew the credentials of the worker',
  ExpiredToken: 'the session has expired; renew the credentials of the worker',
  ExpiredTokenException: 'the session has expired; renew the credentials of the worker',
  RequestTimeTooSkewed: 'the clock of the worker is wrong; set it',
  CredentialsProviderError:
    'the worker has no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE, or give the machine a role',
  TokenProviderError: 'the single sign-on of the worker has ended; sign in again',
  PermanentRedirect: 'the bucket is elsewhere; correct region or endpoint',
  AuthorizationHeaderMalformed: 'the bucket is in another region; correct region',
  IllegalLocationConstraintException: 'the bucket is in another region; correct region',
  KeyTooLongError: 'the path is too long for a key',
  InvalidStorageClass: 'the storage does not know this storageClass; correct it',
  InvalidTag: 'the storage does not take these tags; correct them',
  InvalidEncryptionAlgorithmError: 'the storage does not encrypt so; correct sse',
  EntityTooLarge: 'the file is larger than this storage can hold',
  QuotaExceeded: 'the quota is used up',
  XMinioAdminBucketQuotaExceeded: 'the quota of the bucket is used up',
  XMinioStorageFull: 'no space is left',
};

/** Other errors of KMS pass: throttling of all who use keys, a store of keys that is away (AWS KMS, Encrypt, Errors). */
const LOST_KEY =
  /^KMS\.(Disabled|NotFound|InvalidKeyUsage|KMSInvalidState|InvalidState|AccessDenied|OptInRequired)(Exception)?$/;

/**
 * Turns what the SDK threw into `DestinationFailed` when trying again would not help; anything else (5xx, SlowDown,
 * the network) may pass and is given back as it is. The server's own words are left out: they may quote what was sent.
 */
export function toS3Error(error: unknown, bucket: string): unknown {
  if (error instanceof ExportError) return error;
  const what = finalCause(error);
  return what === undefined ? error : failure(what, error, bucket);
}

/** Of an answer that has come each time for a while, and whose code may mean anything. @param kind of the requests */
export function refusedEachTime(kind: string, error: unknown, bucket: string): ExportError {
  const what = `it refuses each request ${kind}; look whether it knows them, and what the bucket wants of them`;
  return failure(what, error, bucket);
}

function failure(what: string, error: unknown, bucket: string): ExportError {
  const status = statusOf(error);
  const code = [nameOf(error), ...(status === undefined ? [] : [`HTTP ${status}`])].join(', ');
  return new ExportError('DestinationFailed', `s3://${bucket}: ${what} (${code})`, { cause: error });
}

/** HTTP status of an answer that was thrown; undefined when there was none. */
export function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
}

/** What something gives that may not be there: undefined when it is not. */
export async function absentAsUndefined<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** Not every 404: a bucket that is not there, or an unknown key of some endpoints, is another matter. */
export function isAbsent(error: unknown): boolean {
  return statusOf(error) === 404 && /^(NoSuchKey|NotFound|NoSuchUpload)$/.test((error as Error).name);
}

/** Whether the endpoint has answered that it will not do this, now or later. */
export function isRefusal(error: unknown): boolean {
  const status = statusOf(error instanceof ExportError ? error.cause : error) ?? 0;
  return (status >= 400 && status < 500 && status !== 408 && status !== 429) || status === 501;
}

/** Whether the endpoint has answered that the worker has no right to do this. */
export function isForbidden(error: unknown): boolean {
  return statusOf(error instanceof ExportError ? error.cause : error) === 403;
}

/** Whether an upload does not exist: it became an object, or was given up. */
export function isEndedUpload(error: unknown): boolean {
  return (error as Error).name === 'NoSuchUpload';
}

/** Whether an upload cannot become an object: a piece is gone, or another one, or not as the storage wants it. */
export function hasWrongPieces(error: unknown): boolean {
  return /^(InvalidPart|InvalidPartOrder|EntityTooSmall)$/.test((error as Error).name);
}

/**
 * Whether the endpoint may never do this with an upload, though perhaps with another one. Of a conflict, a condition, of credentials
 * that have ended, and of bytes that did not arrive as they were sent this is not so.
 */
export function refusesUpload(error: unknown): boolean {
  if (error instanceof ExportError || !isRefusal(error)) return false;
  if ([409, 412].includes(statusOf(error) as number)) return false;
  return !/^(RequestTimeout|ExpiredToken|ExpiredTokenException|IncompleteBody|BadDigest|XAmzContentSHA256Mismatch)$/.test(
    (error as Error).name,
  );
}

function finalCause(error: unknown): string | undefined {
  const name = nameOf(error);
  if (Object.hasOwn(FINAL, name)) return FINAL[name];
  if (LOST_KEY.test(name)) return 'its key of AWS KMS cannot be used; check the key and the right to it';
  // The SDK has no error of its own for this.
  if ((error as Error).message.startsWith('Region is missing')) return 'the region is not known; set region';
  const status = statusOf(error);
  // An answer to HEAD has no code.
  if (status === 401 || status === 403) return FINAL['AccessDenied'];
  return status === 301 ? FINAL['PermanentRedirect'] : undefined;
}

function nameOf(error: unknown): string {
  return ((error as Error).name ?? 'Error').replace(/[^\w.-]/g, '').slice(0, 80);
}
