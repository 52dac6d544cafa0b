import type { ExportRequest, MemberList, NewMembers } from '../contract.ts';
import { ExportError } from '../errors.ts';
import { ExportFolder } from '../export-folder/export-folder.ts';
import type { ExportRef } from '../export-folder/export-ref.ts';
import type { FhirServer } from '../fhir-server/fhir-server.ts';
import { readGroup } from '../fhir-server/read-group.ts';
import type { TokenNeeded, TokenRef } from '../fhir-server/token-needed.ts';
import type { ActivityDeps } from './deps.ts';
import { earlierMembers } from './earlier-members.ts';
import { requireValid } from './require-valid.ts';
import type { Attempt } from './run-activity.ts';

export interface FindMembersInput {
  ref: ExportRef;
  /** Without a time. */
  request: Pick<ExportRequest, 'level' | 'groupId' | 'operation' | 'parameters' | 'prefer' | 'attachments'>;
  requestHash: string;
  /** The `_since` to be sent; absent: all data. */
  since?: string;
  /** Where the schedule begins. */
  initialSince?: string;
  /** With which to compare; absent: there is none. */
  last?: MemberList;
  /** Why the Group is not asked for. */
  unreadable?: string;
  token?: TokenRef;
}

/** What is to be done about members whom the group has gained. */
export interface MembersToBring {
  kind: 'found';
  /** Whom an additional export is to bring: nobody, those that are new, or all members. */
  ask: 'none' | 'patients' | 'group';
  /** How many are new; absent: that is not known. */
  gained?: number;
  /** Why it is not known. */
  why?: string;
  /** The `_since` that stands for all data, at servers that need one. */
  since?: string;
}

export type FindMembersResult =
  | TokenNeeded
  /** `retryAfter` in milliseconds. */
  | { kind: 'trouble'; detail: string; retryAfter?: number | undefined }
  /** Nothing is to be done: the server sends all their data, or a job has been kicked off before. */
  | { kind: 'nothing' }
  /** An earlier attempt at this export has done it. */
  | { kind: 'done'; isWhole: boolean; report: NewMembers }
  | MembersToBring;

/** Patients that one request names, as HealthLake allows (`patient` of `$davinci-data-export`). With more, all members are exported. */
const MOST_PATIENTS = 500;

/**
 * Finds out which members the group has gained since the list of the export before, and stores who they are. Before the
 * kick-off: who comes later is new for the next export.
 *
 * @throws ExportError `InvalidRequest`, `NotAllowed`, `AuthorizationFailed`, `DestinationFailed`
 */
export async function findMembers(
  deps: ActivityDeps,
  input: FindMembersInput,
  attempt: Attempt,
): Promise<FindMembersResult> {
  const { ref, request, requestHash, since } = input;
  const { groupId = '' } = request;
  requireValid({ server: ref.server, ...request } as ExportRequest, ref.path);
  const folder = await ExportFolder.open(deps.config, ref, { starting: true });
  const server = await deps.servers.get(ref.server);
  server.requireAllowed({ ...request, destination: ref.destination });
  const known = await folder.members.known(requestHash);
  if (known !== undefined) return { kind: 'done', isWhole: known.isWhole, report: known.report };
  if (server.settings.newPatientsInFull?.includes('group') === true) return { kind: 'nothing' };
  const job = await folder.job.read();
  // Its data is of members of whom nothing is known now.
  if (job !== undefined && job.deleted !== true) return { kind: 'nothing' };

  const everything = server.settings.sinceByDefault ? input.initialSince : undefined;
  const isFull = since === undefined || since === everything;
  const plan = (found: Omit<MembersToBring, 'kind'>): MembersToBring => ({
    kind: 'found',
    ...found,
    ...(everything === undefined ? {} : { since: everything }),
  });
  const earlier = await folder.members.found(requestHash);
  if (earlier !== undefined) return plan(planFor(server, input, isFull, earlier.gained));
  const { unreadable, token } = input;
  const group =
    unreadable === undefined
      ? await readGroup(server, groupId, token, attempt.signal)
      : { kind: 'unknown' as const, why: unreadable };
  if (group.kind === 'tokenNeeded' || group.kind === 'trouble') return group;
  if (group.kind === 'unknown') return plan({ ask: isFull ? 'none' : 'group', why: group.why });
  const members = group.ids;
  const before = isFull ? members : await earlierMembers(deps.config, server, input);
  const gained = before && without(members, before);
  await folder.members.saveFound({
    requestHash,
    baseUrl: server.config.baseUrl,
    groupId,
    members,
    ...(gained === undefined ? {} : { gained }),
  });
  return plan(planFor(server, input, isFull, gained));
}

function planFor(
  server: FhirServer,
  input: FindMembersInput,
  isFull: boolean,
  gained: readonly string[] | undefined,
): Omit<MembersToBring, 'kind'> {
  if (isFull) return { ask: 'none' };
  if (gained === undefined) {
    const why = input.last === undefined ? 'no earlier export has listed the members' : 'the earlier list is gone';
    return { ask: 'group', why };
  }
  if (gained.length === 0) return { ask: 'none', gained: 0 };
  const isFew = gained.length <= MOST_PATIENTS && mayNamePatients(server, input);
  return { ask: isFew ? 'patients' : 'group', gained: gained.length };
}

/** Whether the server knows `patient`, and the configuration allows it. */
function mayNamePatients(server: FhirServer, { request, ref }: FindMembersInput): boolean {
  const asked = { ...request, parameters: { ...request.parameters, patient: 'Patient/any' } };
  try {
    server.requireAllowed({ ...asked, destination: ref.destination });
    // Of a time nothing can be said here.
    server.fit({ ...asked, parameters: { ...asked.parameters, _since: '2000-01-01T00:00:00Z' } });
    return true;
  } catch (error) {
    if (error instanceof ExportError) return false;
    throw error;
  }
}

/** Those of one list that are not in the other. */
export function without(members: readonly string[], others: readonly string[]): string[] {
  const known = new Set(others);
  return members.filter((id) => !known.has(id));
}
