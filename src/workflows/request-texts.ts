/** Characters of the caller's text in one problem: a failure's message must stay small, whatever the request holds. */
const LONGEST_QUOTATION = 100;

/** Text of the caller's, short enough for a failure's message. */
export function shorten(text: string): string {
  return text.length <= LONGEST_QUOTATION ? text : `${text.slice(0, LONGEST_QUOTATION - 1)}…`;
}

/** The same in quotation marks. */
export function quote(value: unknown): string {
  return shorten(JSON.stringify(value));
}

/** Whether a value is what JSON calls an object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
