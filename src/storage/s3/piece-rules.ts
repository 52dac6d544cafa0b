/** How files are cut. */
export interface PieceRules {
  /** Bytes of a piece; S3 wants 5 MiB or more of each but the last. */
  pieceBytes: number;
  /** Pieces of one upload; S3 has 10,000. */
  maxPieces: number;
}

/** Times of the usual size that a piece may have: a download holds two. */
const LARGEST = 8;

/**
 * Bytes of each piece of an upload: more than usual when a file has so many bytes that its upload would run out of
 * numbers. All have the same length, because some storages want that (R2).
 */
export function bytesOfPieces({ pieceBytes, maxPieces }: PieceRules, fileBytes: number): number {
  return pieceBytes * Math.min(Math.max(Math.ceil(fileBytes / (pieceBytes * maxPieces)), 1), LARGEST);
}

/** Bytes of the largest file that one upload can hold. */
export function mostBytes({ pieceBytes, maxPieces }: PieceRules): number {
  return pieceBytes * LARGEST * maxPieces;
}
