/*
 * FNV-1a, for code that has no modules of Node. Not for secrets. What it gives is recorded in histories and names folders:
 * it must stay as it is.
 */

/** Of bytes, 64 bits: 16 digits of hexadecimal. */
export function fnv64(bytes: readonly number[]): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash.toString(16).padStart(16, '0');
}

/** Of a text, 32 bits, by its UTF-16 units. For ASCII they are its bytes. */
export function fnv32(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
