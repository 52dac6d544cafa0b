import * as v from 'valibot';
import { faultOfInstant } from '../../fhir/instant.ts';
import { isObject } from '../../fhir/is-object.ts';

const REACTIONS = ['hold', 'advance'] as const;

/** Fields of `incremental` of a request. */
export const INCREMENTAL = {
  initialSince: v.optional(
    v.pipe(
      v.string('must be text'),
      v.check(
        (text) => faultOfInstant(text) === undefined,
        ({ input }) => faultOfInstant(input) ?? '',
      ),
    ),
  ),
  onIssues: v.optional(v.picklist(REACTIONS, `must be one of ${REACTIONS.join(', ')}`)),
  newMembers: v.optional(v.literal('full', 'must be "full", or left out')),
};

/** What does not go together with `incremental`. */
export function problemsOfIncremental(request: Record<string, unknown>): string[] {
  const { incremental } = request;
  if (incremental === undefined) return [];
  const parameters = isObject(request['parameters']) ? request['parameters'] : {};
  const problems: string[] = [];
  if (parameters['_since'] !== undefined) {
    problems.push('parameters._since: not allowed with incremental, which sets it; use incremental.initialSince');
  }
  if (parameters['_until'] !== undefined) {
    // The mark is the server's time: whatever changed between the two would never come.
    problems.push('parameters._until: not allowed with incremental, which would leave out what changed after it');
  }
  if (isObject(incremental) && incremental['newMembers'] !== undefined) problems.push(...problemsOfNewMembers(request));
  return problems;
}

function problemsOfNewMembers({ level, parameters, destination }: Record<string, unknown>): string[] {
  const problems: string[] = [];
  if (level !== 'group') problems.push('incremental.newMembers: is for level "group" only, remove it');
  if (isObject(parameters) && parameters['patient'] !== undefined) {
    problems.push('parameters.patient: not allowed with incremental.newMembers, which exports all members');
  }
  if (isObject(destination) && destination['path'] !== undefined) {
    // The next export compares with the list in the folder of this one, which therefore stays.
    problems.push('destination.path: not allowed with incremental.newMembers, each export has a folder of its own');
  }
  return problems;
}

/** What does not go together with `newMembersOf`. */
export function problemsOfNewMembersOf(request: Record<string, unknown>): string[] {
  const { newMembersOf, level, parameters, incremental } = request;
  if (newMembersOf === undefined) return [];
  const problems: string[] = [];
  if (level !== 'group') problems.push('newMembersOf: is for level "group" only, remove it');
  if (incremental !== undefined) problems.push('incremental: not allowed with newMembersOf, remove one of them');
  if (isObject(parameters) && parameters['patient'] !== undefined) {
    problems.push('parameters.patient: not allowed with newMembersOf, which names the patients');
  }
  return problems;
}
