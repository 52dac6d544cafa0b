import type { FailureCode } from '../errors.ts';
import { FAILURES } from '../errors.ts';
import { withoutWords } from '../fhir/quote.ts';

/** Failures whose messages are ours alone; others may quote what a server has said, or what the request holds. */
const OWN: ReadonlySet<string> = new Set<FailureCode>([
  'UnknownServer',
  'UnknownDestination',
  'IncompleteExport',
  'DestinationNotEmpty',
  'DestinationFailed',
  'AuditFailed',
  'DeadlineExceeded',
]);

/** The message of an error without what a failure of an export may quote in it, which may name patients. */
export function ownWords(message: string): string {
  const [, code = '', detail = ''] = /^(\w+): (.*)$/s.exec(message) ?? [];
  return !Object.hasOwn(FAILURES, code) || OWN.has(code) ? message : `${code}: ${withoutWords(detail)}`;
}

/** In a `_typeFilter`, what mostly names or describes one patient. */
const OF_ONE = /patient|subject|identifier|_id\b/i;

/** Whether a request is for patients by their names, so that what quotes it, or is said of it, may name them. */
export function namesPatients({
  parameters = {},
  newMembersOf,
}: {
  parameters?: { patient?: unknown; _typeFilter?: unknown } | undefined;
  newMembersOf?: string | undefined;
}): boolean {
  const { patient, _typeFilter } = parameters;
  return patient !== undefined || newMembersOf !== undefined || OF_ONE.test(JSON.stringify(_typeFilter) ?? '');
}
