import { patched } from '@temporalio/workflow';
import type { FindMembersInput, FindMembersResult, MembersToBring } from '../activities/find-members.ts';
import type { KeepMembersInput } from '../activities/keep-members.ts';
import type { MemberList, NewMembers } from '../contract.ts';
import { WARNINGS } from '../contract.ts';
import type { Trouble } from '../policy/trouble.ts';
import { step } from './activity-options.ts';
import { additionalExport } from './additional-export.ts';
import type { ExportRun } from './export-run.ts';
import { codeOf } from './failure.ts';
import { kickOffRequestOf } from './kick-off-phase.ts';
import { nextTry, secondsUntil } from './retry.ts';
import type { MembersState } from './state.ts';
import { addWarnings } from './state.ts';

type Found = Exclude<FindMembersResult, { kind: 'tokenNeeded' | 'trouble' }>;

/**
 * Brings all data of members whom the group has gained, where the server sends only their changes: by an export of its own,
 * before this one, which then brings what has changed meanwhile. Members whose data could not be exported count as new
 * again in the next export. Nothing here fails this one.
 */
export async function membersPhase(run: ExportRun, members: MembersState): Promise<void> {
  if (members.done === true) return;
  run.enter('new-members');
  const { last } = members;
  const found = await find(run, last);
  if (found.kind === 'done') Object.assign(members, { isWhole: found.isWhole, report: found.report });
  if (found.kind === 'nothing' && last !== undefined)
    members.report = patched('each-export-has-a-list-of-members')
      ? await keep(run, last, { isWhole: false, report: {} })
      : { list: last };
  if (found.kind === 'found') {
    const { isWhole, brought } = await bring(run, found);
    const report: NewMembers = {
      ...(found.gained === undefined ? {} : { gained: found.gained }),
      ...(brought === undefined ? {} : { brought }),
    };
    members.isWhole = isWhole;
    members.report = await keep(run, last, { isWhole, report });
  }
  members.done = true;
}

function keep(
  { opened: { ref, requestHash = '' } }: ExportRun,
  last: MemberList | undefined,
  found: Pick<KeepMembersInput, 'isWhole' | 'report'>,
): Promise<NewMembers> {
  const input = { ref, requestHash, ...found, ...(last === undefined ? {} : { last }) };
  return step('keep the list of members').keepMembers(input);
}

/** Reads the Group. One that cannot be read for an hour is as good as one that must not be. */
async function find(run: ExportRun, last: MemberList | undefined): Promise<Found> {
  const { request, opened, steering, limits } = run;
  const { poll } = run.job;
  const initialSince = request.incremental?.initialSince;
  const input: FindMembersInput = {
    ref: opened.ref,
    request: kickOffRequestOf({ request, parameters: request.parameters }),
    requestHash: opened.requestHash ?? '',
    ...(opened.since === undefined ? {} : { since: opened.since }),
    ...(initialSince === undefined ? {} : { initialSince }),
    ...(last === undefined ? {} : { last }),
  };
  const without = async (unreadable: string) =>
    (await step('members, without the Group').findMembers({ ...input, unreadable })) as Found;
  try {
    let trouble: Trouble | undefined;
    for (;;) {
      if (steering.isHeld) await run.hold();
      const result = await run.tokens.use((token) => step('members').findMembers({ ...input, ...token }));
      run.stands(result.kind === 'trouble');
      if (result.kind !== 'trouble') return result;
      const bounds = { ...limits, outage: limits.tokenEndpoint };
      const next = nextTry(trouble, { cause: 'outage', retryAfter: result.retryAfter }, bounds, steering.clock);
      trouble = next.trouble;
      if (next.kind === 'final') return await without(result.detail);
      poll.detail = `members: ${result.detail}`;
      // Within the hour: a server that asks for more is not waited for.
      const end = Date.now() + Math.max(1, trouble.since + limits.tokenEndpoint - steering.clock);
      const at = Math.min(next.at, end);
      await run.waitUntil(at, `members again in ${secondsUntil(at)} s`);
    }
  } catch (error) {
    // The kick-off finds out whether that holds for exports as well.
    if (codeOf(error) !== 'AuthorizationFailed') throw error;
    return await without('the server refuses the credentials for the Group');
  } finally {
    delete poll.detail;
  }
}

/** Has an additional export made, if one is needed. */
async function bring(
  run: ExportRun,
  { ask, why, since }: MembersToBring,
): Promise<{ isWhole: boolean; brought?: NewMembers['brought'] }> {
  const { state } = run;
  if (why !== undefined) {
    addWarnings(state, [{ code: 'NewMembersUnknown', message: `${WARNINGS.NewMembersUnknown} (${why})` }]);
  }
  if (ask === 'none') return { isWhole: true };
  const first = await additionalExport(run, { whom: ask, since });
  const isRefused = ask === 'patients' && first.kind !== 'whole' && first.refusesPatients;
  const end = isRefused ? await additionalExport(run, { whom: 'group', since }) : first;
  // What the first has brought is there, also when the second fails.
  const last = end.kind === 'failed' ? first : end;
  const brought = last.kind === 'failed' ? {} : { brought: { workflowId: last.workflowId, location: last.location } };
  if (end.kind === 'whole') return { isWhole: true, ...brought };
  addWarnings(state, [{ code: 'NewMembersMissing', message: `${WARNINGS.NewMembersMissing} (${end.why})` }]);
  return { isWhole: false, ...brought };
}
