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
 * Checks that a server with one slot was never asked for a job by an export while another one's was there: kick-offs may
 * have been refused, and a job may have been forgotten when the answer to its kick-off was lost.
 *
 * @returns how many jobs there were
 */
export function expectJobsApart(journal: readonly JournalEntry[]): number {
  const jobs = new Map<string, { from: number; to: number }>();
  for (const { route, status, jobId, at, url } of journal) {
    if (route === 'kickOff' && status === 202 && jobId !== undefined) jobs.set(jobId, { from: at, to: at });
    const job = jobs.get(new URL(url, 'http://server').searchParams.get('job') ?? '');
    if (job !== undefined) job.to = Math.max(job.to, at);
  }
  const spans = [...jobs.values()].sort((one, other) => one.from - other.from);
  for (const [index, { from }] of spans.entries()) {
    expect(from).toBeGreaterThanOrEqual(Math.max(0, ...spans.slice(0, index).map(({ to }) => to)));
  }
  return jobs.size;
}
