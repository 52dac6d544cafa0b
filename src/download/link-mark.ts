import { createHash } from 'node:crypto';
import type { FileVersion } from '../storage/folder.ts';

/** What later attempts know a link by, without its query: a signature there is another one in each fresh link. */
export function linkMark(url: string): string {
  return createHash('sha256')
    .update(url.replace(/[?#].*$/s, ''))
    .digest('base64url')
    .slice(0, 16);
}

/**
 * Whether a fresh link may lead to another file than the one that has begun to come: a validator distinguishes versions
 * of one URL, not of two (RFC 9110, 8.8.3), and servers count versions from 1. The same size shows that it does not.
 *
 * @param version of what has come; earlier versions of this client stored no link
 */
export function mayLeadElsewhere(version: FileVersion, url: string): boolean {
  return version.total === undefined && isOtherLink(version, url);
}

/** Whether a link is another one than that by which something has come, as far as that is known. */
export function isOtherLink({ link }: FileVersion, url: string): boolean {
  return link !== undefined && link !== linkMark(url);
}
