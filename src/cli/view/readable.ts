export { readableBytes, readableTime } from '../../policy/readable.ts';

/** A number with its noun: `1 file`, `3 files`. */
export function count(number: number, noun: string): string {
  return `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`;
}

/** Columns that a text takes on a terminal; letters of East Asia and emoji take two. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const letter of text) columns += isWide(letter) ? 2 : 1;
  return columns;
}

/** The beginning of a text that fits into so many columns. */
export function fit(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  let taken = '';
  let room = columns - 1;
  for (const letter of text) {
    room -= isWide(letter) ? 2 : 1;
    if (room < 0) break;
    taken += letter;
  }
  return `${taken}…`;
}

function isWide(letter: string): boolean {
  return /\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}|\p{Extended_Pictographic}|[\u3000-\u303f\uff00-\uff60]/u.test(
    letter,
  );
}
