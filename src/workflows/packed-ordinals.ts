/** 32 digits that end a number, and 32 that go on: five bits each, the lowest first. */
const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/**
 * Rising whole numbers as a short text: about one character for each number, or for each run of numbers that follow one
 * another, where they are not far apart.
 */
export function packOrdinals(ordinals: readonly number[]): string {
  let text = '';
  let next = 0;
  for (let place = 0; place < ordinals.length;) {
    const from = ordinals[place] as number;
    let length = 1;
    while (ordinals[place + length] === from + length) length++;
    text += digits((from - next) * 2 + (length > 1 ? 1 : 0));
    if (length > 1) text += digits(length);
    next = from + length;
    place += length;
  }
  return text;
}

export function unpackOrdinals(text: string): number[] {
  const ordinals: number[] = [];
  let next = 0;
  let place = 0;
  const read = (): number => {
    let number = 0;
    for (let power = 1; ; power *= 32) {
      const digit = DIGITS.indexOf(text[place++] ?? 'past the end');
      if (digit === -1) throw new RangeError('not a list of ordinals');
      number += (digit % 32) * power;
      if (digit < 32) return number;
    }
  };
  while (place < text.length) {
    const gap = read();
    const length = gap % 2 === 1 ? read() : 1;
    const from = next + Math.floor(gap / 2);
    for (let offset = 0; offset < length; offset++) ordinals.push(from + offset);
    next = from + length;
  }
  return ordinals;
}

function digits(number: number): string {
  const rest = Math.floor(number / 32);
  return rest === 0 ? (DIGITS[number] as string) : (DIGITS[32 + (number % 32)] as string) + digits(rest);
}
