/** Bytes of {@link blockOfLines}. */
export const BLOCK = 1024 * 1024;

/** One MiB of whole NDJSON lines of about 1 KB, always the same, which gzip makes about a third of. */
export function blockOfLines(): Buffer {
  let state = 1;
  const word = (): string => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state.toString(16).padStart(8, '0');
  };
  const line = (length: number): string => {
    const head = `{"resourceType":"Patient","id":"${word()}","name":[{"family":"Müller ${word()}"}],"text":"`;
    let text = '';
    while (text.length < length) text += `${word()} of the same as always; `;
    return `${head}${text.slice(0, length - Buffer.byteLength(head) - 3)}"}\n`;
  };
  return Buffer.from(Array.from({ length: 1024 }, () => line(1024)).join(''));
}
