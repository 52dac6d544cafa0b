import type { IssueCount } from '../contract.ts';
import type { Issue } from '../fhir/operation-outcome.ts';

/** Different texts kept in full; further ones are only counted. */
const MOST_TEXTS = 1000;
/** Different severities and codes; servers invent codes. The codes of further ones are `other`. */
const MOST_CODES = 200;
const LONGEST_TEXT = 2000;
/** Severities that only tell something (FHIR R4 and R5). Servers also write them in capitals, or invent others. */
const HARMLESS = ['information', 'success'];
const SEVERITIES = [...HARMLESS, 'warning', 'error', 'fatal'];

interface SummarizedIssue extends IssueCount {
  text: string;
  /** The first file that has it. */
  file: string;
}

/** Gathers the issues of error files in bounded memory. */
export class IssueSummary {
  readonly #counts = new Map<string, IssueCount>();
  readonly #texts = new Map<string, SummarizedIssue>();
  #textsLeftOut = 0;

  add({ severity, code, text }: Issue, file: string): void {
    this.#count(severity, code);
    const short = text.slice(0, LONGEST_TEXT);
    const key = `${severity}\n${code}\n${short}`;
    const known = this.#texts.get(key);
    if (known !== undefined) known.count++;
    else if (this.#texts.size < MOST_TEXTS) this.#texts.set(key, { severity, code, count: 1, text: short, file });
    else this.#textsLeftOut++;
  }

  /** Counts by severity and code, without texts: fit for the report. */
  counts(): IssueCount[] {
    return [...this.#counts.values()].sort((a, b) => b.count - a.count);
  }

  /** Whether the server says that something is wrong, and not only tells. */
  get hasProblems(): boolean {
    return [...this.#counts.values()].some(({ severity }) => !HARMLESS.includes(severity.toLowerCase()));
  }

  /** Content of `error/summary.json`: texts may speak of patients, so they stay at the destination. */
  document(): unknown {
    return { counts: this.counts(), issues: [...this.#texts.values()], furtherIssuesNotListed: this.#textsLeftOut };
  }

  /** Every kept text once, as issues. */
  issues(): Issue[] {
    return [...this.#texts.values()];
  }

  #count(severity: string, code: string): void {
    const short = { severity: plain(severity), code: plain(code) };
    if (this.#counts.size >= MOST_CODES && !this.#counts.has(keyOf(short))) {
      const known = severity.toLowerCase();
      Object.assign(short, { severity: SEVERITIES.includes(known) ? known : 'other', code: 'other' });
    }
    const count = this.#counts.get(keyOf(short)) ?? { ...short, count: 0 };
    count.count++;
    this.#counts.set(keyOf(short), count);
  }
}

/** A code as FHIR has them; what a server writes in its place could be anything, and must not leave the destination. */
function plain(code: string): string {
  return /^[a-z][a-z0-9._-]{0,39}$/i.test(code) ? code : 'other';
}

function keyOf({ severity, code }: { severity: string; code: string }): string {
  return `${severity}/${code}`;
}
