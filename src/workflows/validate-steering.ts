import * as v from 'valibot';
import type { ExportPhase } from '../contract.ts';
import { fewOf, shorten } from '../policy/short-texts.ts';
import type { PauseInput } from '../steering-contract.ts';
import { LONGEST_REASON, MOST_CONCURRENT, MOST_NAMES, PAUSABLE } from '../steering-contract.ts';
import { isObject } from '../fhir/is-object.ts';

/** How the export stands, as far as it matters to what may be asked of it. */
export interface Standing {
  phase: ExportPhase;
  /** Something is paused. */
  isPaused: boolean;
  /** The server's job is complete: there is nothing to poll for. */
  isComplete: boolean;
  /** All files are complete, and their attachments are fetched. */
  hasAttachments: boolean;
}

/** Phases from which nothing holds an export any more. */
const LAST_PHASES: readonly ExportPhase[] = ['settling', 'cleaning-up', 'complete', 'cancelled', 'failed'];

const PAUSE = {
  what: v.optional(v.picklist(PAUSABLE, `must be one of ${PAUSABLE.join(', ')}`)),
  now: v.optional(v.boolean('must be true or false')),
};

const RETRY = {
  names: v.optional(
    v.pipe(
      v.array(v.pipe(v.string('must be text'), v.maxLength(300, 'is too long')), 'must be a list of names of files'),
      v.minLength(1, 'must have a name, or be left out'),
      v.maxLength(MOST_NAMES, `must have at most ${MOST_NAMES} names; leave it out for all files`),
    ),
  ),
};
const FINISH = {
  reason: v.optional(
    v.pipe(
      v.string('must be text that says why the export is to end without all files'),
      v.nonEmpty('must say why the export is to end without all files'),
      v.maxLength(LONGEST_REASON, `must have at most ${LONGEST_REASON} characters`),
    ),
    '',
  ),
};

/** What is wrong with the update `pause` now; undefined when nothing is. */
export function faultOfPause(input: unknown, standing: Standing): string | undefined {
  const fault = faultOfPhase(standing) ?? faultOfFields(input ?? {}, PAUSE);
  if (fault !== undefined) return fault;
  const { what } = (input ?? {}) as PauseInput;
  if (what === 'polls' && standing.isComplete)
    return 'what: the job of the server is complete and is not polled any more; use "downloads" or "all"';
  return undefined;
}

/** The same of `resume`. */
export function faultOfResume(standing: Standing): string | undefined {
  return (
    faultOfPhase(standing) ?? (standing.isPaused ? undefined : 'the export is not paused, so nothing has to be done')
  );
}

/** The same of `setConcurrency`. */
export function faultOfConcurrency(most: unknown, standing: Standing): string | undefined {
  const isGood = Number.isInteger(most) && (most as number) >= 1 && (most as number) <= MOST_CONCURRENT;
  return (
    faultOfPhase(standing) ?? (isGood ? undefined : `the argument must be a whole number from 1 to ${MOST_CONCURRENT}`)
  );
}

/** The same of `retryFiles`. */
export function faultOfRetry(input: unknown, standing: Standing): string | undefined {
  return faultOfFiles(standing) ?? faultOfFields(input ?? {}, RETRY);
}

/** The same of `finishIncomplete`. */
export function faultOfFinish(input: unknown, standing: Standing): string | undefined {
  return faultOfGiveUp(standing) ?? faultOfFields(input ?? {}, FINISH);
}

/** The same of `giveUp`. */
export function faultOfGiveUp(standing: Standing): string | undefined {
  const fault = faultOfFiles(standing);
  if (fault !== undefined) return fault;
  if (!standing.isComplete)
    return 'the server still works on the export, so not all of its files are known; wait, or cancel the export';
  if (standing.hasAttachments) return 'all files are complete; wait for the attachments, or cancel the export';
  return undefined;
}

function faultOfFiles(standing: Standing): string | undefined {
  const fault = faultOfPhase(standing);
  if (fault !== undefined) return fault;
  const { phase } = standing;
  if (phase === 'downloading' || phase === 'needs-attention') return undefined;
  return `the export is in phase "${phase}" and has no files yet; wait until they are downloaded, or cancel the export`;
}

function faultOfPhase({ phase }: Standing): string | undefined {
  if (!LAST_PHASES.includes(phase)) return undefined;
  return `the export is in phase "${phase}" and about to end, so it can no longer be steered`;
}

/** What is wrong with an object of these fields, field by field. */
export function faultOfFields(input: unknown, fields: v.ObjectEntries): string | undefined {
  const names = Object.keys(fields).join(', ');
  if (!isObject(input)) return `the argument must be an object with the fields ${names}`;
  const unknown = Object.keys(input).filter((name) => !Object.hasOwn(fields, name));
  const parsed = v.safeParse(v.object(fields), input);
  const faults = [
    ...unknown.map((name) => `${shorten(name)}: unknown field, remove it (there are ${names})`),
    ...(parsed.success ? [] : parsed.issues.map((issue) => `${shorten(v.getDotPath(issue) ?? '')}: ${issue.message}`)),
  ];
  return faults.length === 0 ? undefined : fewOf(faults).join('; ');
}
