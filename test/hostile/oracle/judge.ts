import { FAILURES } from '../../../src/contract.ts';
import { isBenign } from './benign.ts';
import type { Evidence } from './evidence.ts';
import { judgePublished } from './published.ts';
import { judgeRequests } from './requests.ts';
import { judgeSecrets } from './secrets.ts';

/** All that is wrong with a run, in words; nothing when every invariant held. */
export function judge(evidence: Evidence): string[] {
  return [
    ...evidence.problems,
    ...judgeEnd(evidence),
    ...judgeAsked(evidence),
    ...judgePublished(evidence),
    ...judgeRequests(evidence),
    ...judgeSecrets(evidence),
    ...judgeDelete(evidence),
  ];
}

/** Every run ends: with success where nothing stands in its way, else with a code of the closed table. */
function judgeEnd({ ending, case: one, outage, skipsTime, journal }: Evidence): string[] {
  if (ending.kind === 'endless') return [`it does not end: ${ending.why}`];
  if (ending.kind !== 'failed') return [];
  const problems: string[] = [];
  if (!Object.hasOwn(FAILURES, ending.code))
    problems.push(`"${ending.code}" is no code of the table: ${ending.message}`);
  if (isBenign(one, { outage, skipsTime }))
    problems.push(`it failed although nothing stood in its way: ${ending.message}`);
  // The server's words are what an operator has to go on.
  const refused = ending.code === 'KickOffRejected' || ending.code === 'ExportFailed';
  const said = journal.words.at(-1);
  if (refused && said !== undefined && !ending.message.includes(said))
    problems.push(`the server's words are not quoted: ${ending.message}`);
  return problems;
}

/** A complete export has been asked for in words that this server understands. */
function judgeAsked({ ending, journal, case: { types, filters } }: Evidence): string[] {
  const understood = journal.understood.at(-1);
  if (ending.kind !== 'complete' || understood === undefined) return [];
  const same = (one: readonly string[], other: readonly string[]): boolean =>
    [...new Set(one)].sort().join('\n') === [...new Set(other)].sort().join('\n');
  return [
    ...(same(understood.types, types)
      ? []
      : [`asked for ${types.join()}, the server understood ${understood.types.join()}`]),
    ...(same(understood.filters, filters.map(decodeURIComponent))
      ? []
      : [`filters ${filters.join()} were understood as ${understood.filters.join()}`]),
  ];
}

/** The job is deleted after success, cancel, deadline and failure at the server; never after another failure. */
function judgeDelete({ ending, journal }: Evidence): string[] {
  if (journal.jobs === 0 || ending.kind === 'endless') return [];
  const wanted = ending.kind !== 'failed' || ['ExportFailed', 'DeadlineExceeded'].includes(ending.code);
  if (wanted === journal.deleted > 0) return [];
  return [
    wanted ? 'the job was not deleted' : `the job was deleted after ${ending.kind === 'failed' ? ending.code : ''}`,
  ];
}
