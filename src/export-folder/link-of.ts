import type { Entry } from '../fhir/entries.ts';

/** What belongs to the link of an entry, and changes with it. */
export function linkOf({ url, needsToken, ends }: Entry): Pick<Entry, 'url' | 'needsToken' | 'ends'> {
  return { url, needsToken, ...(ends === undefined ? {} : { ends }) };
}

/** An entry with the link of another one. */
export function withLinkOf(entry: Entry, other: Entry): Entry {
  const { ends: _, ...rest } = entry;
  return { ...rest, ...linkOf(other) };
}
