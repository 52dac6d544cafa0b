import type { ExportRequest } from '../contract.ts';
import { valuesOf } from '../fhir/parameters.ts';

/** Bytes that Temporal takes are 400; most of a longer list says nothing more. */
const LONGEST = 120;

/**
 * What an export is, in a line for the Web UI: `hospital-a · group diabetes · Patient, Condition`.
 *
 * @param request maybe not checked yet, from whomever it is
 */
export function summaryOf({ server, level, groupId, parameters }: ExportRequest): string {
  const type = parameters?.['_type'];
  const types = type === undefined ? 'all types' : valuesOf('_type', type).map(textOf).join(', ');
  const text = [textOf(server), `${textOf(level)} ${textOf(groupId ?? '')}`.trim(), types].join(' · ');
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`;
}

/** What is no text is shown as it came: the workflow refuses it. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'none');
}
