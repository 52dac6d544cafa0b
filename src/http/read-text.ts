import { TooLongError, decode } from './decode-text.ts';
import { hide } from './redact-secrets.ts';
import type { HttpResponse } from './messages.ts';
import { NetworkError } from './network-error.ts';
import { release } from './slabs.ts';

/** Room in memory for bodies. */
export interface Room {
  /** Bytes of a body that need no room. */
  readonly uncounted: number;
  /**
   * Asks for room for so many bytes, instead of what was held before.
   *
   * @returns undefined when there is room at once
   */
  take(bytes: number): Promise<void> | undefined;
}

/** Room that somebody holds. */
export interface Hold extends Room {
  /** Gives back what is held. */
  release(): void;
}

export interface ReadTextOptions {
  /** A body that is longer than `most` is cut instead of being an error, if it is sent uncoded. Default: false. */
  cut?: boolean;
  /** Milliseconds after which a body is cut instead of waited for, if it is sent uncoded. Default: none. */
  cutAfter?: number;
  /** Milliseconds after which a body that has not ended is an error. Default: none. */
  within?: number;
  /** Asked once, before more than it leaves uncounted is held. Default: nothing is asked. */
  room?: Room | undefined;
}

/**
 * Reads a whole body as text, decoded.
 *
 * @param most bytes, as sent and decoded; a longer body is an error
 * @throws NetworkError; what `room` throws
 */
export async function readText(
  response: HttpResponse,
  most: number,
  { cut = false, cutAfter, within, room }: ReadTextOptions = {},
): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let isEnough = false;
  let isCounted = room === undefined;
  const late = whenLate(cutAfter, () => {
    isEnough = true;
    response.body.destroy();
  });
  let isLate = false;
  const tooLate = whenLate(within, () => {
    isLate = true;
    response.body.destroy();
  });
  try {
    await response.body.receive((chunk) => {
      bytes += chunk.length;
      chunks.push(chunk);
      isEnough = cut && bytes > most;
      if (bytes > most) throw new TooLongError(most);
      if (isCounted || bytes <= (room?.uncounted ?? 0)) return undefined;
      isCounted = true;
      return room?.take(lengthOf(response.headers) ?? most);
    });
  } catch (error) {
    if (isLate) throw new NetworkError(`the answer did not end within ${(within ?? 0) / 1000} s`, true);
    if (!isEnough) throw error;
  } finally {
    late.stop();
    tooLate.stop();
  }
  const body = Buffer.concat(chunks).subarray(0, most);
  for (const chunk of chunks) release(chunk);
  const coding = response.headers['content-encoding'];
  const decoded = await decode(body, coding, isCounted ? most : Math.min(most, room?.uncounted ?? most)).catch(
    async (error: unknown) => {
      if (isCounted || !(error instanceof TooLongError)) throw error;
      // A little that is compressed may be much.
      await room?.take(most);
      return decode(body, coding, most);
    },
  );
  const text = decoded.toString('utf8');
  return response.secret === undefined ? text : hide(text, [response.secret]);
}

function whenLate(time: number | undefined, then: () => void): { stop(): void } {
  const signal = time === undefined ? undefined : AbortSignal.timeout(time);
  signal?.addEventListener('abort', then);
  return { stop: () => signal?.removeEventListener('abort', then) };
}

/** Bytes that will be read, where that is sure. */
function lengthOf(headers: HttpResponse['headers']): number | undefined {
  const length = headers['content-length'];
  return headers['content-encoding'] === undefined && /^\d+$/.test(length ?? '') ? Number(length) : undefined;
}
