export { readableBytes, readableTime } from '../../policy/readable.ts';

/** A number with its noun: `1 file`, `3 files`. */
export function count(number: number, noun: string): string {
  return `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`;
}

/** The limit of an export's downloads. */
export function atMost(files: number): string {
  return `at most ${count(files, 'file')} at a time`;
}
