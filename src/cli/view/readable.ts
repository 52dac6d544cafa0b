/** Bytes with a unit, such as `6.9 MB`. */
export function readableBytes(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  const power = Math.min(4, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** power).toFixed(1)} ${['B', 'kB', 'MB', 'GB', 'TB'][power]}`;
}

/** A number with its noun: `1 file`, `3 files`. */
export function count(number: number, noun: string): string {
  return `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`;
}

/** Seconds in the largest units that matter: `45 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function readableTime(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [d, h, min, s] = [
    Math.floor(whole / 86_400),
    Math.floor(whole / 3600) % 24,
    Math.floor(whole / 60) % 60,
    whole % 60,
  ];
  const parts = [
    [d, 'd'],
    [h, 'h'],
    [min, 'min'],
    [s, 's'],
  ] as const;
  const first = parts.findIndex(([number]) => number > 0);
  if (first === -1) return '0 s';
  return parts
    .slice(first, first + 2)
    .filter(([number]) => number > 0)
    .map(([number, unit]) => `${number} ${unit}`)
    .join(' ');
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
