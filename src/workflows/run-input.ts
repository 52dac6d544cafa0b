import { TemporalFailure, patched, workflowInfo } from '@temporalio/workflow';
import type { ExportRequest } from '../contract.ts';
import type { CarriedState } from './carried-state.ts';
import { unpack } from './carried-state.ts';
import { dotsInGroupId, validateRequest } from '../policy/request/validate-request.ts';
import { isObject } from '../fhir/is-object.ts';
import { failure } from './failure.ts';
import type { ExportState } from './state.ts';
import { newState } from './state.ts';

/**
 * Rules about the input that came, or became stricter, after version 0.1.0, each by the id of its patch. The input is
 * looked at again whenever a run is replayed, and an export that began before a rule must continue: the patch is asked
 * for only where the rule is broken, and does not count then. All other rules are in
 * `policy/request/validate-request.ts`.
 */
const LATER_RULES: Record<string, (args: readonly unknown[]) => string[]> = {
  'input-one-argument': (args) =>
    args.slice(1).every((arg) => arg === undefined)
      ? []
      : ['input: the workflow takes one argument, the request; remove the others'],
  'group-id-no-dots': ([request]) => dotsInGroupId(request as ExportRequest),
};

/**
 * Where a run begins: at the start, with a request that has been checked, or where the run before it was. Nothing that a
 * caller sends may fail the workflow's task, which would be tried again for ever.
 *
 * @param args the workflow's arguments, from whomever they are
 * @throws ApplicationFailure `InvalidRequest`
 */
export function readRunInput(args: readonly unknown[]): { request: ExportRequest; state: ExportState } {
  const [request, carried] = args;
  try {
    const { continuedFromExecutionRunId: before, attempt } = workflowInfo();
    if (before !== undefined && isObject(carried)) {
      const state = carried as unknown as CarriedState;
      // What has been checked once is not checked again, maybe by other rules.
      if (isFrom(before, state)) return { request: request as ExportRequest, state: unpack(state) };
      // A retry is given what the run before it was given: it begins at the start, and finds the export's folder.
      if (attempt > 1) return { request: requireValid([request]), state: newState(Date.now()) };
    }
    return {
      request: requireValid(args),
      // Only a run that is older than the rule, and went on with it.
      state: isObject(carried) ? unpack(carried as unknown as CarriedState) : newState(Date.now()),
    };
  } catch (error) {
    if (error instanceof TemporalFailure) throw error;
    // Such as nesting that is too deep; what the error says may quote the input.
    throw failure('InvalidRequest', `the input cannot be read (${(error as Error).name})`);
  }
}

/**
 * States of version 0.1.0 do not name their run. A run that got its state from another run does not belong to a cron
 * schedule: a schedule ends with a run that continues as new.
 */
function isFrom(run: string, { fromRun }: CarriedState): boolean {
  return fromRun === undefined ? (workflowInfo().cronSchedule ?? '') === '' : fromRun === run;
}

/**
 * The request, if all rules hold for it.
 *
 * @param args of a workflow, or what stands for them
 * @throws ApplicationFailure `InvalidRequest` with every problem
 */
export function requireValid(args: readonly unknown[]): ExportRequest {
  const validation = validateRequest(args[0]);
  const problems = validation.kind === 'invalid' ? validation.problems : [];
  if (problems.length === 0) {
    for (const [patch, rule] of Object.entries(LATER_RULES)) {
      const more = rule(args);
      if (more.length > 0 && patched(patch)) problems.push(...more);
    }
  }
  if (problems.length > 0) throw failure('InvalidRequest', problems.join('; '));
  return args[0] as ExportRequest;
}
