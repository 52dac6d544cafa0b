import type { MemberList } from '../contract.ts';
import { CLOCKS_DIFFER, faultOfInstant } from '../fhir/instant.ts';

/** What the report of the export before says about where to go on. */
export interface LastMark {
  requestHash: string;
  /** Null: with all data. */
  mark: string | null;
}

/** From when on an export asks for data. */
export interface Start {
  /** Undefined: all data. */
  since?: string;
  /** The mark of the export before does not count. */
  isReset?: true;
}

/** Where the next export goes on, and why that is not where this one ends. */
export interface NextMark {
  mark: string | null;
  reset?: string;
  held?: string;
}

/** How an export came out, as far as its mark is concerned. */
export interface Outcome {
  /** As it was asked with; undefined: all data. */
  since: string | undefined;
  /** Verbatim from the manifest; empty when it has none. */
  transactionTime: string;
  /** When the manifest was seen to be complete, milliseconds since the epoch; undefined when that is not known. */
  completeAt: number | undefined;
  /** Why data may be missing; empty when nothing says so, or when the mark is to move on nevertheless. */
  missing: readonly string[];
  /**
   * Where `transactionTime` may be the end of the job: the server's time before it was asked for it, or null when that is not
   * known. Undefined elsewhere.
   */
  notAfter?: string | null | undefined;
}

/** Reads the result of the run before, which may be anything. @returns undefined if that was no incremental export */
export function lastMarkOf(lastResult: unknown): LastMark | undefined {
  if (typeof lastResult !== 'object' || lastResult === null) return undefined;
  const { requestHash, mark } = lastResult as Record<string, unknown>;
  if (typeof requestHash !== 'string') return undefined;
  return mark === null || (typeof mark === 'string' && faultOfInstant(mark) === undefined)
    ? { requestHash, mark }
    : undefined;
}

/** The list of members that the run before has named; undefined if it has named none. */
export function lastMembersOf(lastResult: unknown): MemberList | undefined {
  const { newMembers } = (lastResult ?? {}) as { newMembers?: { list?: Partial<MemberList> | null } | null };
  const { destination, path } = newMembers?.list ?? {};
  return typeof destination === 'string' && typeof path === 'string' ? { destination, path } : undefined;
}

/**
 * From when on an incremental export asks. Pure.
 *
 * @param beginning `_since` of a schedule that has no last report; undefined: all data
 * @param everything `_since` that brings all data, at servers that need one
 */
export function startOf(
  last: LastMark | undefined,
  requestHash: string,
  { beginning, everything }: { beginning: string | undefined; everything: string | undefined },
): Start {
  if (last === undefined) return beginning === undefined ? {} : { since: beginning };
  const since = (last.requestHash === requestHash ? last.mark : null) ?? everything;
  return {
    ...(since === undefined ? {} : { since }),
    ...(last.requestHash === requestHash ? {} : { isReset: true }),
  };
}

/**
 * Where the next export goes on: at the server's time of this one, unless that could lose something. A mark may be too
 * early, and then brings some data twice; it must not be too late. Pure.
 */
export function nextMark({ since, transactionTime, completeAt, missing, notAfter }: Outcome): NextMark {
  const before = since ?? null;
  const fault = transactionTime === '' ? 'is missing' : faultOfInstant(transactionTime);
  if (fault !== undefined) return { mark: before, held: `transactionTime ${fault}` };
  const time = Date.parse(transactionTime);
  // A leap second, which FHIR has and JavaScript has not.
  if (Number.isNaN(time)) return { mark: before, held: 'transactionTime cannot be compared' };
  if (since !== undefined && time < Date.parse(since)) {
    // One of the two is wrong, and what changed between them has maybe never come.
    return {
      mark: null,
      reset: `transactionTime ${transactionTime} is before _since ${since}: the next export is full`,
    };
  }
  if (completeAt !== undefined && time > completeAt + CLOCKS_DIFFER) {
    return { mark: before, held: `transactionTime ${transactionTime} is in the future: compare the clocks` };
  }
  if (missing.length > 0) return { mark: before, held: missing.join(', ') };
  if (notAfter === undefined) return { mark: transactionTime };
  // Known to be wrong if it is before what is there already.
  if (notAfter === null || (since !== undefined && Date.parse(notAfter) < Date.parse(since))) {
    return { mark: before, held: 'transactionTime may be the end of the job, whose beginning is not known' };
  }
  return { mark: Date.parse(notAfter) < time ? notAfter : transactionTime };
}
