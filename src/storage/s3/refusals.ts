import { refusesUpload, statusOf } from './s3-error.ts';

/** Refusals in a row, and milliseconds from the first to the last of them, after which a storage means it. */
const MOST = 5;
const PATIENCE = 10 * 60_000;
/**
 * Of refusals that may pass however often they come, some of them with 400: of too many requests, also to a service of keys;
 * and of pages without a code, which are those of a gateway.
 */
const PASSES = /^KMS\.|^Unknown$|Throttl|SlowDown|TooManyRequests|LimitExceeded/;
/** Milliseconds after which a refusal has nothing to do with the one before. Waits between tries are shorter. */
const PAUSE = 15 * 60_000;

/** Requests without which no export is possible. Where a storage refuses pieces of uploads, there is another way. */
const NEEDED = new Set([
  'CopyObjectCommand',
  'DeleteObjectsCommand',
  'GetObjectCommand',
  'HeadObjectCommand',
  'ListMultipartUploadsCommand',
  'ListObjectsV2Command',
  'PutObjectCommand',
]);

/**
 * Answers by which a storage refuses requests of one kind each time, without a code of which we know what it means: it does
 * not know them, or wants more of them, as for a bucket with Object Lock. One such answer may be that of a proxy or a
 * storage in trouble, and passes.
 */
export class Refusals {
  readonly #ofKinds = new Map<string, { since: number; latest: number; count: number }>();

  /** A request was obeyed. */
  end(kind: string): void {
    this.#ofKinds.delete(kind);
  }

  /**
   * Notes an error. It may be final only when requests of its kind have been refused for a while, and none was obeyed.
   *
   * @param kind name of the SDK's command
   * @param now milliseconds, of any clock that goes on
   */
  isFinal(kind: string, error: unknown, now = performance.now()): boolean {
    if (!NEEDED.has(kind) || !refusesUpload(error) || PASSES.test((error as Error).name)) return false;
    if ([404, 416, 425].includes(statusOf(error) ?? 0)) return false;
    const before = this.#ofKinds.get(kind);
    const { since, count } = before === undefined || now - before.latest > PAUSE ? { since: now, count: 0 } : before;
    this.#ofKinds.set(kind, { since, latest: now, count: count + 1 });
    return count + 1 >= MOST && now - since >= PATIENCE;
  }
}
