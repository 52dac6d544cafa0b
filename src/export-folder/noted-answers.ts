import { tidy } from '../fhir/quote.ts';
import type { Folder } from '../storage/folder.ts';
import { readJson, writeJson } from './json-document.ts';
import { FILES } from './layout.ts';

/** An answer of the server that brought the export no further, for `log.ndjson`. */
export interface NotedAnswer {
  to: 'kickOff' | 'poll';
  /** The job that it is of; absent in folders of earlier versions. */
  generation?: number;
  /** Milliseconds since the epoch. */
  time: number;
  /** Of HTTP; absent: a poll without an answer. */
  status?: number;
  /** What happened, in words of ours. */
  message: string;
  /** The server's words, safe to keep. */
  words?: string;
}

/** What an activity knows of one. `detail`: what failures say of it, which begins with its status. */
export type BadAnswer = Pick<NotedAnswer, 'to' | 'status'> & { detail: string };

/** Answers that are kept: the first ones, and the latest. */
const FIRST = 100;
const MOST = 500;
/** Characters of a server's words. */
const LONGEST = 500;

/** `.export/answers.json`: each answer once, in the order in which they came. */
export class NotedAnswers {
  readonly #folder: Folder;

  constructor(folder: Folder) {
    this.#folder = folder;
  }

  async all(): Promise<NotedAnswer[]> {
    return (await readJson<NotedAnswer[]>(this.#folder, FILES.answers)) ?? [];
  }

  /**
   * Adds one.
   *
   * @param quotes whether the server's words may be kept
   * @param generation of the job, if there is one
   */
  async add(answer: BadAnswer, quotes: boolean, generation?: number): Promise<void> {
    const all = await this.all();
    all.push({ ...noted(answer, quotes), ...(generation === undefined ? {} : { generation }) });
    if (all.length > MOST) all.splice(FIRST, all.length - MOST);
    await writeJson(this.#folder, FILES.answers, all);
  }

  /** Forgets those of other jobs. */
  async keepOnly(generation: number): Promise<void> {
    const all = await this.all();
    const kept = all.filter((answer) => answer.generation === generation);
    if (kept.length < all.length) await writeJson(this.#folder, FILES.answers, kept);
  }
}

function noted({ to, status, detail }: BadAnswer, quotes: boolean): NotedAnswer {
  const time = Date.now();
  if (status === undefined) return { to, time, message: detail };
  const message = `HTTP ${status}`;
  const words = detail.startsWith(`${message}: `) ? detail.slice(message.length + 2) : detail;
  return { to, time, status, message, ...(quotes && words !== message ? { words: tidy(words, LONGEST) } : {}) };
}
