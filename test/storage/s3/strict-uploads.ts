import type { IncomingMessage } from 'node:http';

/**
 * What some storages ask of the pieces of an upload and the gateway of the tests does not: numbers that follow one
 * another from 1 (S3, when pieces have checksums), the same length of all but the last (R2), and at least a byte
 * (Garage).
 */
export class StrictUploads {
  readonly #lengths = new Map<string, number>();

  /** Why a piece is refused; notes its length otherwise. */
  onPiece({ url = '', headers }: IncomingMessage): string | undefined {
    const { id, number } = queryOf(url);
    if (headers['x-amz-copy-source'] !== undefined) return undefined;
    const length = Number(headers['x-amz-decoded-content-length'] ?? headers['content-length']);
    if (length === 0) return 'InvalidRequest';
    this.#lengths.set(`${id} ${number}`, length);
    return undefined;
  }

  /** Why the end of an upload is refused. */
  onEnd({ url = '' }: IncomingMessage, body: string): string | undefined {
    const numbers = [...body.matchAll(/<PartNumber>(\d+)</g)].map(([, number]) => Number(number));
    if (numbers.some((number, place) => number !== place + 1)) return 'InvalidPartOrder';
    const lengths = numbers.map((number) => this.#lengths.get(`${queryOf(url).id} ${number}`));
    const isUneven = lengths.slice(0, -1).some((length) => length !== lengths[0]);
    return isUneven ? 'InvalidPart' : undefined;
  }
}

function queryOf(url: string): { id: string | null; number: string | null } {
  const { searchParams } = new URL(url, 'http://localhost');
  return { id: searchParams.get('uploadId'), number: searchParams.get('partNumber') };
}
