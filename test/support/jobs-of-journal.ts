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
