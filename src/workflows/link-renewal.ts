import { patched } from '@temporalio/workflow';
import type { Limits } from '../policy/limits.ts';
import type { LinkTerms } from '../policy/link-life.ts';
import { NO_LINKS, areEnding, endOfLinks, goodFor, learn, nextReading, termsOf } from '../policy/link-life.ts';
import type { BatchQueue } from './batch-queue.ts';
import type { FileSet } from './file-set.ts';

/** Patch: no file waits until the files have ended. */
export const ASKED_BEFORE_THE_END = 'files-asked-before-they-end';

/** The part of a set of files that is about its links. */
export type LinkSource = Pick<FileSet, 'state' | 'links' | 'read' | 'expires' | 'refused'>;

/** What is known of the links to files, and when the manifest is read again for fresh ones. */
export class LinkRenewal {
  readonly #source: LinkSource;
  readonly #limits: Limits;
  #isWanted = false;

  constructor(source: LinkSource, limits: Limits) {
    this.#source = source;
    this.#limits = limits;
  }

  /** Links were refused, or end soon: no batch is started before there are fresh ones. */
  get isWanted(): boolean {
    return this.#isWanted;
  }

  /** How often the links have been renewed. */
  get reading(): number {
    return this.#source.state.reading;
  }

  /** The earliest time for a renewal: milliseconds since the epoch. */
  get notBefore(): number {
    return nextReading(this.#source.links() ?? NO_LINKS, this.#limits);
  }

  /** What a batch needs to know of links; undefined when they cannot be renewed. */
  get terms(): LinkTerms | undefined {
    const links = this.#source.links();
    return links === undefined ? undefined : termsOf(links, this.#limits);
  }

  /** Notes that links of a reading are of no use; links of an earlier one have been renewed since. */
  want(reading: number): void {
    if (reading === this.reading) this.#isWanted = true;
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
    if (!(await this.#source.refused())) return false;
    state.reading++;
    this.#isWanted = false;
    if (links === undefined) return true;
    links.readAt = Date.now();
    links.fruitless++;
    if (end !== undefined) links.readFor = end;
    const { filesEnd = Infinity } = this;
    if (waiting?.waitsUntil(filesEnd) && patched(ASKED_BEFORE_THE_END)) waiting.wakeBehind(filesEnd);
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

  /** The next renewal waits for nothing. */
  wake(): void {
    const links = this.#source.links();
    if (links !== undefined) links.readAt = 0;
  }

  /**
   * Learns from files that came.
   *
   * @param worked greatest age of a link that worked: milliseconds
   * @param refused ages at which links of files that came had been refused before
   * @param reading by which they came
   */
  learn(cameSome: boolean, worked: number | undefined, refused: readonly number[], reading: number): void {
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
