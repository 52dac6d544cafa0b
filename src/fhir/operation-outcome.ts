import { isObject } from './is-object.ts';

/** One issue of an OperationOutcome, as far as it is used here. */
export interface Issue {
  severity: string;
  code: string;
  /** `details.text`, else `diagnostics`, else the first coding's display. */
  text: string;
}

/**
 * Codes that say that the request failed and the job did not: `transient` and its children in the FHIR issue-type
 * code system. Source: Bulk Data IG 2.0, status request, error response.
 */
const TRANSIENT = new Set(['transient', 'lock-error', 'no-store', 'exception', 'timeout', 'incomplete', 'throttled']);

/**
 * The issues of a body that is an OperationOutcome, whatever its content type (IG 1.0 sends them as
 * `application/json`); undefined when it is something else.
 */
export function readOutcome(body: string): Issue[] | undefined {
  if (!body.includes('OperationOutcome')) return undefined;
  try {
    return issuesOf(JSON.parse(body.replace(/^\ufeff/, '')));
  } catch {
    return undefined;
  }
}

/** The issues of a parsed OperationOutcome; undefined when the value is something else. */
export function issuesOf(value: unknown): Issue[] | undefined {
  if (!isObject(value) || value['resourceType'] !== 'OperationOutcome') return undefined;
  const issues = Array.isArray(value['issue']) ? value['issue'] : [];
  return issues.filter(isObject).map((issue) => ({
    severity: textOf(issue['severity']) ?? 'error',
    code: textOf(issue['code']) ?? 'unknown',
    text: textOfIssue(issue),
  }));
}

/** Whether every issue is transient; an outcome without issues says nothing final. */
export function isTransient(issues: readonly Issue[]): boolean {
  return issues.every((issue) => TRANSIENT.has(issue.code));
}

/** Whether something is wrong: one without issues says nothing else either. */
export function saysOfError(issues: readonly Issue[]): boolean {
  return issues.length === 0 || issues.some(({ severity }) => !/^(information|warning|success)$/i.test(severity));
}

function textOfIssue(issue: Record<string, unknown>): string {
  const details = isObject(issue['details']) ? issue['details'] : {};
  const coding = Array.isArray(details['coding']) ? details['coding'].find(isObject) : undefined;
  return textOf(details['text']) ?? textOf(issue['diagnostics']) ?? textOf(coding?.['display']) ?? '';
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
