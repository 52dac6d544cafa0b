import * as v from 'valibot';
import { faultOfInstant } from '../../fhir/instant.ts';
import { isObject } from './is-object.ts';

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
};

/** What does not go together with `incremental`. */
export function problemsOfIncremental({ incremental, parameters }: Record<string, unknown>): string[] {
  if (incremental === undefined || !isObject(parameters)) return [];
  const problems: string[] = [];
  if (parameters['_since'] !== undefined) {
    problems.push('parameters._since: not allowed with incremental, which sets it; use incremental.initialSince');
  }
  if (parameters['_until'] !== undefined) {
    // The mark is the server's time: whatever changed between the two would never come.
    problems.push('parameters._until: not allowed with incremental, which would leave out what changed after it');
  }
  return problems;
}
