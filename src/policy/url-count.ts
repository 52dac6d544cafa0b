/** Counts URLs that come again. Of each a number is held: there may be hundreds of thousands. */
export class UrlCount {
  readonly #seen = new Set<number>();
  /** How many were the same as one before. */
  repeated = 0;

  add(url: string): void {
    const hash = hashOf(url);
    if (this.#seen.has(hash)) this.repeated++;
    else this.#seen.add(hash);
  }
}

/** Of 53 bits, which a number holds: of a million URLs two are the same by chance once in 18,000 exports. */
function hashOf(text: string): number {
  let [one, other] = [0x811c9dc5, 0x9e3779b9];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    one = Math.imul(one ^ code, 0x01000193);
    other = Math.imul(other ^ code, 0x85ebca6b);
    other ^= other >>> 13;
  }
  return (one & 0x1fffff) * 2 ** 32 + (other >>> 0);
}
