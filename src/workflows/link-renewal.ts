import { patched } from '@temporalio/workflow';
import type { Limits } from '../policy/limits.ts';
import type { LinkTerms } from '../policy/link-life.ts';
import {
  NO_LINKS,
  areEnding,
  beforeTheEnd,
  endOfLinks,
  goodFor,
  learn,
  nextReading,
  termsOf,
} from '../policy/link-life.ts';
import type { BatchQueue } from './batch-queue.ts';
import { codeOf } from './failure.ts';
import type { FileSet } from './file-set.ts';
import type { Refreshed } from './refresh-phase.ts';

/** Patch: no file waits until the files have ended. */
export const ASKED_BEFORE_THE_END = 'files-asked-before-they-end';

/** Patch: a reading that was foreseen, and is of no use, ends nothing. */
const ENDS_NOTHING = 'foreseen-readings-end-nothing';

/** The part of a set of files that is about its links. */
export type LinkSource = Pick<FileSet, 'state' | 'links' | 'read' | 'expires' | 'refused'>;

/** What is known of the links to files, and when the manifest is read again for fresh ones. */
export class LinkRenewal {
  readonly #source: LinkSource;
  readonly #limits: Limits;
  #isWanted: boolean;
  /** A link of the last reading has been refused, and since then no other has brought a file. */
  #isRefused = false;
  /** One has been refused at all. */
  #wasRefused: boolean;

  constructor(source: LinkSource, limits: Limits) {
    this.#source = source;
    this.#limits = limits;
    this.#isWanted = this.isUnread;
    this.#wasRefused = source.state.unread?.wasRefused === true;
  }

  /** Links were refused, or end soon. */
  get isWanted(): boolean {
    return this.#isWanted;
  }

  /** The manifest cannot be read now. */
  get isUnread(): boolean {
    return this.#source.state.unread !== undefined;
  }

  /** Links that work are to be renewed before they end: as long as none is refused, it harms nobody that they cannot be. */
  get #isForeseen(): boolean {
    return !this.#wasRefused && this.#source.links() !== undefined;
  }

  /** No batch is started before there are fresh links: the manifest is read now, or none of the others seems to work. */
  get isShut(): boolean {
    return this.#isWanted && (!this.isUnread || this.#isRefused);
  }

  /** How often the links have been renewed. */
  get reading(): number {
    return this.#source.state.reading;
  }

  /** The earliest time for a renewal: milliseconds since the epoch. */
  get notBefore(): number {
    return this.#source.state.unread?.at ?? nextReading(this.#source.links() ?? NO_LINKS, this.#limits);
  }

  /** What a batch needs to know of links; undefined when they cannot be renewed. */
  get terms(): LinkTerms | undefined {
    const links = this.#source.links();
    return links === undefined ? undefined : termsOf(links, this.#limits);
  }

  /** Notes that links of a reading are of no use; links of an earlier one have been renewed since. */
  want(reading: number): void {
    if (reading === this.reading) this.#isWanted = this.#isRefused = this.#wasRefused = true;
  }

  /**
   * Whether links are to be renewed now: because some were refused, or because they end soon.
   *
   * @param hasMore files are left that need them
   */
  isDue(hasMore: boolean): boolean {
    const links = this.#source.links();
    if (!this.#isWanted) {
      const isEnding = links !== undefined && hasMore && areEnding(links, this.#source.read(), Date.now());
      if (!isEnding || !patched('links-end')) return false;
      this.#isWanted = true;
    }
    return links === undefined || this.notBefore <= Date.now() || !patched('links-end');
  }

  /**
   * @param waiting files that wait to be fetched again: not until they have ended
   * @returns false when the job is gone
   */
  async renew(waiting?: Pick<BatchQueue, 'waitsUntil' | 'wakeBehind'>): Promise<boolean> {
    const { state } = this.#source;
    const links = this.#source.links();
    const end = links === undefined ? undefined : endOfLinks(links, this.#source.read());
    const wasUnread = this.isUnread;
    // Awaited here and not in another function: what follows must not come later than in recorded histories.
    let refreshed: Refreshed;
    try {
      refreshed = await this.#source.refused();
    } catch (error) {
      if (!this.#isForeseen || !isOfServer(error) || !patched(ENDS_NOTHING)) throw error;
      delete state.unread;
      refreshed = 'gone';
    }
    if (refreshed === 'unread') {
      // Refusals before it are why it was to be read; those that come now show that the other links do not work either.
      if (!wasUnread) this.#isRefused = false;
      // A new run has to know it.
      if (this.#wasRefused && state.unread !== undefined) state.unread.wasRefused = true;
      return true;
    }
    // What is left under the same links may be of another job.
    if (refreshed === 'changed') return false;
    if (refreshed === 'gone' && !(this.#isForeseen && patched(ENDS_NOTHING))) return false;
    if (refreshed === 'read') state.reading++;
    this.#isWanted = this.#isRefused = this.#wasRefused = false;
    if (links === undefined) return true;
    links.readAt = Date.now();
    links.fruitless++;
    if (end !== undefined) links.readFor = end;
    const { filesEnd = Infinity } = this;
    if (waiting?.waitsUntil(filesEnd) === true && patched(ASKED_BEFORE_THE_END)) waiting.wakeBehind(filesEnd);
    return true;
  }

  /**
   * When the files end, as far as that is known: milliseconds since the epoch. `Expires` may be the end of links alone,
   * which another reading moves; one that does not move is the end.
   */
  get filesEnd(): number | undefined {
    const { expires } = this.#source.read() ?? {};
    const said = expires ?? this.#source.expires();
    if (said === undefined) return undefined;
    const end = Date.parse(said);
    return expires === undefined || end <= (this.#source.links()?.readFor ?? 0) ? end : undefined;
  }

  /**
   * When it is to be found out whether `Expires` is the end of files that wait past it: milliseconds since the epoch;
   * undefined when none does, or it is known: one reading shows whether it moves.
   */
  endIsAskedAt(waiting: Pick<BatchQueue, 'waitsUntil'>): number | undefined {
    const { expires, readAt } = this.#source.read() ?? {};
    if (expires === undefined || readAt === undefined || this.filesEnd !== undefined) return undefined;
    if (this.#source.links()?.readFor !== undefined) return undefined;
    const end = Date.parse(expires);
    const at = beforeTheEnd(end, readAt);
    return at > Date.now() && waiting.waitsUntil(end) && patched(ASKED_BEFORE_THE_END) ? at : undefined;
  }

  /** The next renewal waits for nothing. */
  wake(): void {
    const links = this.#source.links();
    const { unread } = this.#source.state;
    if (links !== undefined) links.readAt = 0;
    if (unread !== undefined) unread.at = 0;
  }

  /**
   * Learns from files that came.
   *
   * @param worked greatest age of a link that worked: milliseconds
   * @param refused ages at which links of files that came had been refused before
   * @param reading by which they came
   */
  learn(cameSome: boolean, worked: number | undefined, refused: readonly number[], reading: number): void {
    if (cameSome) this.#isRefused = false;
    const links = this.#source.links();
    if (links === undefined) return;
    if (cameSome) links.fruitless = 0;
    learn(links, worked, refused, reading);
  }

  /**
   * Whether a refusal means nothing, because the link may have ended while its file waited.
   *
   * @param age of the link: milliseconds
   */
  isOld(age: number): boolean {
    const links = this.#source.links();
    return links !== undefined && age > goodFor(links, this.#limits);
  }

  /** Whether the server said that links end before this time. */
  haveExpired(now: number): boolean {
    const expires = this.#source.expires();
    return expires !== undefined && now > Date.parse(expires);
  }
}

/** A server that cannot give the manifest. */
function isOfServer(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'InvalidManifest' || code === 'ServerUnavailable';
}
