import { expect } from 'vitest';
import type { JournalEntry } from '../../dev/sample-server/index.ts';

/**
 * Checks by what a server was asked that no export began before the job of the one before was deleted, and that no
 * kick-off was refused.
 *
 * @returns how many exports were begun
 */
export function expectOneAfterAnother(journal: readonly JournalEntry[]): number {
  const kickOffs = journal.filter(({ route }) => route === 'kickOff');
  expect(kickOffs.map(({ status }) => status)).toEqual(kickOffs.map(() => 202));
  const turns = journal.flatMap(({ route }) => (route === 'kickOff' || route === 'delete' ? [route] : []));
  expect(turns).toEqual(kickOffs.flatMap(() => ['kickOff', 'delete']));
  return kickOffs.length;
}

/**
 * Checks that a server with few slots was never asked for a job too many: every kick-off that it refused came while a job
 * was there that nobody knows, because the answer to its kick-off was lost or its export was terminated.
 *
 * @param spared kick-offs that were refused for a reason of the test
 * @param forgottenAfter milliseconds after which the server deletes a job that nobody asks about
 * @returns how many jobs there were
 */
export function expectNoneTooMany(
  journal: readonly JournalEntry[],
  { spared, forgottenAfter }: { spared: ReadonlySet<JournalEntry>; forgottenAfter: number },
): number {
  const jobs = new Map<string, { last: number; deleted: boolean }>();
  for (const { route, status, jobId, at, url } of journal) {
    if (route === 'kickOff' && status === 202 && jobId !== undefined) jobs.set(jobId, { last: at, deleted: false });
    const job = jobs.get(new URL(url, 'http://server').searchParams.get('job') ?? '');
    if (job === undefined) continue;
    job.last = at;
    job.deleted ||= route === 'delete';
  }
  const unknown = [...jobs.values()].filter(({ deleted }) => !deleted);
  const isRefused = ({ route, status }: JournalEntry): boolean => route === 'kickOff' && status === 429;
  const refused = journal.filter((entry) => isRefused(entry) && !spared.has(entry));
  const unexplained = refused.filter(
    ({ at }) => !unknown.some(({ last }) => last <= at && at <= last + forgottenAfter + 1000),
  );
  expect(unexplained).toEqual([]);
  return jobs.size;
}
