import type { AuthServer, ExpectedFile, JournalEntry, SampleServer } from '../sample-server/index.ts';
import type { ExportedFile } from './exported-files.ts';
import { count } from '../../src/cli/view/readable.ts';

/** The state between two workers: one was killed, and the next has not started. */
export interface Kill {
  /** The files at their final place, as `listPublished` returns them. */
  published: ReadonlyMap<string, string>;
  /** Length of the FHIR server's journal; undefined with a server of the user's own. */
  requests?: number | undefined;
}

/** A statement about the export, and whether it holds. */
export interface Check {
  holds: boolean;
  text: string;
}

/** A file and the number of requests for it. */
export interface FetchedFile extends ExportedFile {
  /** Undefined with a server of the user's own. */
  requests?: number;
}

/** Compares the files with their description in `manifest.json`. */
export function checkManifest(files: readonly ExportedFile[]): Check[] {
  const wrong = files.filter(
    ({ promised, found }) => promised.sha256 !== found.sha256 || promised.bytes !== found.bytes,
  );
  return [
    {
      holds: wrong.length === 0 && files.length > 0,
      text: `${count(files.length, 'file')} read again: bytes and sha256 are those in manifest.json${except(wrong)}`,
    },
  ];
}

/** Whether every file that was finished before the kill is still the same file. */
export function checkUntouched(kill: Kill, now: ReadonlyMap<string, string>): Check {
  const touched = [...kill.published].filter(([name, identity]) => now.get(name) !== identity);
  return {
    holds: touched.length === 0 && kill.published.size > 0,
    text: `${count(kill.published.size, 'file')} finished before the kill: not written again${except(touched.map(([name]) => ({ name })))}`,
  };
}

/** Compares the files with those that the sample server made, and with its journal of requests. */
export function checkAgainstServer(
  files: readonly ExportedFile[],
  sample: SampleServer,
  kill: Kill | undefined,
): { checks: Check[]; fetched: FetchedFile[] } {
  const expected = new Map(sample.expectedFiles().map((file) => [file.sha256, file]));
  const missing = new Map(expected);
  const fetched: FetchedFile[] = [];
  const before = new Map<string, number>();
  for (const file of files) {
    const made = expected.get(file.found.sha256);
    missing.delete(file.found.sha256);
    fetched.push({ ...file, requests: made === undefined ? 0 : requestsFor(made, sample.journal) });
    if (made !== undefined) before.set(file.name, requestsFor(made, sample.journal.slice(0, kill?.requests)));
  }
  const foreign = files.filter(({ found }) => !expected.has(found.sha256));
  const checks = [
    {
      holds: missing.size === 0 && foreign.length === 0 && files.length === expected.size,
      text: `${count(expected.size, 'file')} made by the server, ${files.length} exported, with equal sha256${except(foreign)}`,
    },
    ...(kill === undefined ? [] : checkKill(fetched, kill, before)),
    checkOnce(sample.journal, 'kickOff', 'kick-off'),
    checkOnce(sample.journal, 'delete', 'DELETE of the job'),
  ];
  return { checks, fetched };
}

function checkKill(files: readonly FetchedFile[], kill: Kill, before: ReadonlyMap<string, number>): Check[] {
  const finished = files.filter(({ name }) => kill.published.has(name));
  const unfinished = files.filter(({ name }) => !kill.published.has(name));
  const cut = unfinished.filter(({ name }) => (before.get(name) ?? 0) > 0);
  const untouched = unfinished.filter(({ name }) => before.get(name) === 0);
  const check = (group: readonly FetchedFile[], what: string, requests: number, times: string): Check => {
    const others = group.filter((file) => file.requests !== requests);
    return { holds: others.length === 0, text: `${count(group.length, 'file')} ${what}: ${times}${except(others)}` };
  };
  return [
    {
      ...check(finished, 'finished before the kill', 1, 'requested once, never again'),
      ...(finished.length === 0 ? { holds: false } : {}),
    },
    check(cut, 'cut off by the kill', 2, 'requested once more'),
    check(untouched, 'not begun before the kill', 1, 'requested once'),
  ];
}

function checkOnce(journal: readonly JournalEntry[], route: JournalEntry['route'], what: string): Check {
  const times = journal.filter((entry) => entry.route === route).length;
  return { holds: times === 1, text: times === 1 ? `one ${what}` : `${times} times ${what} instead of one` };
}

function requestsFor(file: ExpectedFile, journal: readonly JournalEntry[]): number {
  const { pathname } = new URL(file.url);
  return journal.filter(({ route, url }) => route === 'file' && url.split('?', 1)[0] === pathname).length;
}

function except(files: readonly { name: string }[]): string {
  return files.length === 0 ? '' : ` EXCEPT ${files.map(({ name }) => name).join(', ')}`;
}

/** Tokens and assertions stay in the workers: the history, whose payloads are base64, contains none of them. */
export function checkTokens({ issued, requests }: AuthServer, history: string): Check {
  const readable = history.replaceAll(
    /[A-Za-z0-9+/]{20,}={0,2}/g,
    (text) => `${text} ${Buffer.from(text, 'base64').toString()}`,
  );
  return {
    holds: requests.length > 0 && issued.every((secret) => !readable.includes(secret)),
    text: `${count(requests.length, 'token')} obtained for the export and by the new worker; none in the workflow's history`,
  };
}
