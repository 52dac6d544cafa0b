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
  const types = type === undefined ? 'all types' : valuesOf('_type', type).map(String).join(', ');
  const text = [server, `${level} ${groupId ?? ''}`.trim(), types].join(' · ');
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`;
}
