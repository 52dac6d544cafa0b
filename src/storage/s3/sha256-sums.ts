import { createHash } from 'node:crypto';
import { isAbsent, refusesUpload } from './s3-error.ts';

/** SHA-256 of a body, in Base64, which the storage compares with the bytes that have arrived. */
export interface Sha256Sum {
  ChecksumSHA256?: string;
}

/** How an upload says what its pieces will have. */
export interface Sha256Upload {
  ChecksumAlgorithm?: 'SHA256';
}

export function sumOf(body: Uint8Array): Required<Sha256Sum> {
  return { ChecksumSHA256: createHash('sha256').update(body).digest('base64') };
}

/**
 * Checksums of what is sent to one storage. Some refuse requests that have one: what is refused at first is asked again
 * without, and if this helps, no later request of that kind has one. A storage that has taken one is believed when it
 * refuses.
 */
export class Sha256Sums {
  readonly #takes: { bodies?: boolean; uploads?: boolean } = {};

  /** Sends a body. */
  async send<Answer>(body: Uint8Array, request: (sum: Sha256Sum) => Promise<Answer>): Promise<Answer> {
    if (this.#takes.bodies === false) return request({});
    const answer = await this.#ask('bodies', () => request(sumOf(body)), request);
    this.#takes.bodies ??= true;
    return answer;
  }

  /**
   * Begins an upload.
   *
   * @param request whose answer names the algorithm, where the storage knows it
   */
  async begin<Answer extends { ChecksumAlgorithm?: string | undefined }>(
    request: (algorithm: Sha256Upload) => Promise<Answer>,
  ): Promise<Answer> {
    if (this.#takes.uploads === false) return request({});
    const answer = await this.#ask('uploads', () => request({ ChecksumAlgorithm: 'SHA256' }), request);
    if (answer.ChecksumAlgorithm === 'SHA256') this.#takes.uploads ??= true;
    return answer;
  }

  async #ask<Answer>(
    what: 'bodies' | 'uploads',
    withSum: () => Promise<Answer>,
    without: (nothing: Record<string, never>) => Promise<Answer>,
  ): Promise<Answer> {
    try {
      return await withSum();
    } catch (error) {
      if (this.#takes[what] !== undefined || !refusesUpload(error) || isAbsent(error)) throw error;
      const answer = await without({});
      this.#takes[what] ??= false;
      return answer;
    }
  }
}
