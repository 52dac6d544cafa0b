import { statfs } from 'node:fs/promises';
import { ExportError } from '../errors.ts';

/** Classes of errors that the language throws itself. */
export const BUILT_IN_ERRORS = [TypeError, RangeError, SyntaxError, ReferenceError, URIError, EvalError];

/** What a person must fix; anything else (EIO, EBUSY, ESTALE…) may pass and is tried again. */
const FINAL: Record<string, string> = {
  ENOSPC: 'no space is left',
  EDQUOT: 'the quota is used up',
  EFBIG: 'a file is larger than the file system or a limit of the worker allows',
  EACCES: 'the worker has no right to write or read',
  EPERM: 'the worker has no right to write or read',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a part of the path is a file',
  EISDIR: 'a folder is where a file should be',
  ELOOP: 'symbolic links go in circles',
  ENAMETOOLONG: 'the path is too long',
};

/**
 * Whether something was thrown because the destination is unreachable or in trouble, so that it may pass: an error of the
 * operating system, the network, TLS, S3, or the service of its credentials. Others are defects, or come of what is stored.
 */
export function isOutage(error: unknown): boolean {
  if (!(error instanceof Error) || BUILT_IN_ERRORS.some((kind) => error instanceof kind)) return false;
  if ('$metadata' in error || '$fault' in error) return true;
  if (error.name === 'TimeoutError' || error.name === 'CredentialsProviderError') return true;
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' && (!code.startsWith('ERR_') || /^ERR_(TLS|SSL|STREAM|SOCKET|HTTP)/.test(code));
}

/** What went wrong, without the words of the error. */
export function kindOf(error: unknown): string {
  const { name, code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' ? code : name;
}

/** Turns what the file system threw into `DestinationFailed` when trying again would not help. */
export async function toStorageError(error: unknown, location: string): Promise<unknown> {
  const { code } = error as NodeJS.ErrnoException;
  const what = code === undefined ? undefined : FINAL[code];
  if (what === undefined || error instanceof ExportError) return error;
  return new ExportError('DestinationFailed', `${location}: ${what} (${code}${await freeSpace(code, location)})`, {
    cause: error,
  });
}

async function freeSpace(code: string | undefined, location: string): Promise<string> {
  if (code !== 'ENOSPC') return '';
  try {
    const { bavail, blocks, bsize, files, ffree } = await statfs(location);
    if (files > 0 && ffree === 0) return `, ${files} files are there, and no more fit`;
    return `, ${Math.floor((bavail * bsize) / 1e6)} MB of ${Math.floor((blocks * bsize) / 1e6)} MB free`;
  } catch {
    return '';
  }
}
