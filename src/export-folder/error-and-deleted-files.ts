import type { Issue } from '../fhir/operation-outcome.ts';
import { issuesOf } from '../fhir/operation-outcome.ts';
import type { Shape } from '../fhir/pick-elements.ts';
import { ElementPicker } from '../fhir/pick-elements.ts';
import type { LineReader } from './read-lines.ts';

/** The issues of error files. */
export const ISSUES: LineReader<Issue> = {
  whole: (value) => issuesOf(value) ?? [],
  long: picking(
    'issue',
    { severity: true, code: true, diagnostics: true, details: { text: true, coding: { display: true } } },
    (issue) => issuesOf({ resourceType: 'OperationOutcome', issue: [issue] }) ?? [],
  ),
};

/** The entries of the Bundles of deleted files; with the time of their Bundle, unless it is too long to be held. */
export const ENTRIES: LineReader<unknown> = {
  whole: (value) => {
    const { entry, meta } = value as { entry?: unknown; meta?: { lastUpdated?: unknown } | null };
    const entries = Array.isArray(entry) ? (entry as ({ request?: unknown } | null)[]) : [];
    return entries.map((one) => ({ request: one?.request, lastUpdated: meta?.lastUpdated }));
  },
  long: picking('entry', { request: { method: true, url: true } }, (entry) => [entry]),
};

function picking<T>(list: string, shape: Shape, itemsOf: (element: unknown) => readonly T[]): LineReader<T>['long'] {
  return () => {
    let found: T[] = [];
    return {
      listener: new ElementPicker(list, shape, (element) => found.push(...itemsOf(element))),
      take: () => {
        const taken = found;
        found = [];
        return taken;
      },
    };
  };
}
