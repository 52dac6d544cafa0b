import { createHash, timingSafeEqual } from 'node:crypto';

/** Whether a header `Authorization` has the token; takes as long for any other. */
export function isToken(header: string | undefined, token: string): boolean {
  const [, given = ''] = /^Bearer +(\S+)$/i.exec(header ?? '') ?? [];
  // Of the same length, whatever was given.
  return timingSafeEqual(digest(given), digest(token));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
