/** Numbers in [0, 1) that are the same for the same seed, so that a failure can be seen again. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Cuts bytes at random places; some pieces are empty. */
export function cutAnywhere(bytes: Uint8Array, random: () => number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  const longest = 1 + Math.floor(random() * 12);
  for (let start = 0; start < bytes.length;) {
    const end = Math.min(bytes.length, start + Math.floor(random() * (longest + 1)));
    pieces.push(bytes.slice(start, end));
    start = end;
  }
  return pieces;
}
