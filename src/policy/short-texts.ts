/** Characters of the caller's text in one problem: a failure's message must stay small, whatever the request holds. */
const LONGEST_QUOTATION = 100;
/** Problems, and names of a list, that one message has. */
const MOST_PROBLEMS = 20;
const MOST_NAMES = 10;

/** Text of the caller's, short enough for a failure's message. */
export function shorten(text: string): string {
  return text.length <= LONGEST_QUOTATION ? text : `${text.slice(0, LONGEST_QUOTATION - 1)}…`;
}

/** The same in quotation marks. */
export function quote(value: unknown): string {
  return shorten(JSON.stringify(value));
}

/** The first problems, and how many more there are. */
export function fewOf(problems: readonly string[]): string[] {
  return first(problems, MOST_PROBLEMS);
}

/** The first names of a list, separated by commas, and how many more there are. */
export function fewNames(names: readonly string[]): string {
  return first(names.map(shorten), MOST_NAMES).join(', ');
}

function first(texts: readonly string[], most: number): string[] {
  const more = texts.length - most;
  return more <= 0 ? [...texts] : [...texts.slice(0, most), `and ${more} more`];
}
