import type { HttpResponse } from '../http/messages.ts';
import { readText } from '../http/read-text.ts';

/** Bytes of an error that are read. */
const LARGEST = 16 * 1024;

/** Codes of object storages for links, or the credentials that signed them, that have ended. */
const ENDED = /<Code>\s*(ExpiredToken|ExpiredRequest|RequestExpired|TokenRefreshRequired)\s*<\/Code>/i;

/**
 * Reads the body of a refusal to its end.
 *
 * @returns whether it says, with 400, that the link has ended, as Google Cloud Storage does (floci-io/floci-gcp, issue 32) and,
 *   of one that was signed with credentials which have ended before it, AWS S3 (aws/aws-sdk-js, issue 1099)
 */
export async function readEnd(response: HttpResponse): Promise<boolean> {
  if (response.status === 400) {
    // Looked at and not kept: it quotes the link.
    return ENDED.test(await readText(response, LARGEST, { cut: true, cutAfter: 20_000 }).catch(() => ''));
  }
  await response.body.dump();
  return false;
}
