/** Bytes that every piece of an upload but the last must have. */
export const LEAST_PIECE = 5 * 1024 * 1024;

/** How files are cut. */
export interface PieceRules {
  /** Bytes of a piece, {@link LEAST_PIECE} or more. */
  pieceBytes: number;
  /** Pieces of one upload; S3 has 10,000. */
  maxPieces: number;
}

/**
 * Bytes that a piece of an upload may have, by its number: those of a very large file grow, so that there are enough
 * numbers for it. 10,000 pieces that begin with 6 MiB hold 220 GiB.
 */
export function sizeOfPiece({ pieceBytes, maxPieces }: PieceRules, number: number): number {
  return pieceBytes * 2 ** Math.floor((4 * (number - 1)) / maxPieces);
}
