import type { Case } from '../case.ts';
import type { Asked, Understood } from '../journal.ts';

/** What a server understands of a kick-off, or why it does not take it. */
export function readKickOff(one: Case, asked: Asked): Understood | { status: number; detail: string } {
  const { reads, declares } = one;
  if (asked.method === 'GET') {
    if (declares === 4) return { status: 405, detail: 'Method not allowed' };
    const query = new URL(asked.path, 'http://x').searchParams;
    if (query.has('patient')) return { status: 400, detail: 'patient is not for GET' };
    return understand(reads, declares, query.getAll('_type'), query.getAll('_typeFilter'));
  }
  const parameters =
    (JSON.parse(asked.body) as { parameter?: { name: string; valueString?: string }[] }).parameter ?? [];
  const texts = (name: string): string[] =>
    parameters.flatMap((one) => (one.name === name && one.valueString !== undefined ? [one.valueString] : []));
  return understand(reads, declares, texts('_type'), texts('_typeFilter'));
}

/**
 * HAPI FHIR 8.8 reads the first repetition of `_type` only, and decodes what is inside a filter once more: letters beyond
 * ASCII that are not encoded there match nothing. The SMART server reads every repetition, and commas. IG 4: values SHALL
 * NOT be joined.
 */
function understand(
  reads: Case['reads'],
  declares: Case['declares'],
  types: readonly string[],
  filters: readonly string[],
): Understood | { status: number; detail: string } {
  const read = reads === 'hapi' ? types.slice(0, 1) : types;
  if (declares === 4 && read.some((type) => type.includes(','))) {
    return { status: 400, detail: 'a type with a comma is unknown' };
  }
  // IG 1 and 2: several filters may be joined by commas; a comma inside of one is encoded once more.
  const single = declares === 2 ? filters.flatMap((filter) => filter.split(',')) : filters;
  return {
    types: read.flatMap((type) => type.split(',')).map((type) => type.trim()),
    filters: single.map((filter) =>
      reads === 'hapi' && /[^\x20-\x7e]/.test(filter) ? '(matches nothing)' : decoded(filter),
    ),
  };
}

function decoded(filter: string): string {
  try {
    return decodeURIComponent(filter.replaceAll('+', ' '));
  } catch {
    return '(cannot be read)';
  }
}
