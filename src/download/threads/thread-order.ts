import type { CheckedPart } from '../../storage/folder.ts';
import type { FetchOutcome } from '../fetch-file.ts';
import type { FetchWatch, Fetched } from './fetched.ts';
import type { FileOrder, OfOrder, PartCall, PartResult, ToOrder } from './messages.ts';
import { fromThrown } from './thrown-error.ts';

type Answer = Extract<OfOrder, { kind: 'fetched' | 'aborted' | 'done' }>;

/** A file that another thread fetches, as the one that has ordered it sees it; then its part there. */
export class ThreadOrder implements CheckedPart {
  readonly #id: number;
  readonly #watch: FetchWatch;
  readonly #send: (message: ToOrder) => void;
  readonly #onClosed: () => void;
  #waiting: { resolve: (answer: Answer) => void; reject: (error: unknown) => void } | undefined;
  /** Why nothing may be changed any more. */
  #refused: { error: unknown } | undefined;
  #ended: { error: unknown } | undefined;
  #isClosed = false;

  /** @param onClosed called once, when nothing more will be asked of the order */
  constructor(id: number, watch: FetchWatch, send: (message: ToOrder) => void, onClosed: () => void) {
    this.#id = id;
    this.#watch = watch;
    this.#send = send;
    this.#onClosed = onClosed;
  }

  /**
   * @param start of the thread, before which it is sent nothing
   * @throws as `fetchFile`; what the start has failed with; what {@link end} is given
   */
  async fetch(file: FileOrder, start: Promise<void>): Promise<Fetched> {
    const { signal } = this.#watch;
    const onAbort = (): void => this.#send({ order: this.#id, kind: 'abort' });
    let outcome: FetchOutcome | undefined;
    try {
      await unlessAborted(start, signal);
      signal.addEventListener('abort', onAbort);
      const answer = await this.#ask({
        order: this.#id,
        kind: 'fetch',
        file,
        isWatched: this.#watch.onExchanged !== undefined,
      });
      if (answer.kind === 'aborted') throw signal.reason;
      outcome = (answer as Extract<Answer, { kind: 'fetched' }>).outcome;
    } finally {
      signal.removeEventListener('abort', onAbort);
      if (outcome?.kind !== 'checked') this.#close();
    }
    return outcome.kind === 'checked' ? { ...outcome, part: this } : outcome;
  }

  async finish(): Promise<void> {
    await this.#call({ kind: 'finish' });
  }

  async publish(name: string): Promise<boolean> {
    return (await this.#call({ kind: 'publish', name })) === true;
  }

  async discard(): Promise<void> {
    if (!this.#isClosed) await this.#last({ kind: 'discard' });
  }

  async keep(): Promise<number> {
    return this.#isClosed ? 0 : Number(await this.#last({ kind: 'keep' }));
  }

  /** Takes a message of the thread. */
  take(message: OfOrder): void {
    switch (message.kind) {
      case 'progress':
        return this.#watch.onProgress(message.bytes, message.resumedAt);
      case 'refusal':
        return this.#watch.onRefusal(message.refusal);
      case 'lost':
        return this.#watch.onLost?.(message.lost);
      case 'exchanged':
        return this.#watch.onExchanged?.(message.exchanged);
      case 'mayChange':
        return void this.#mayChange();
      case 'threw':
        return this.#waiting?.reject(this.#refused?.error ?? fromThrown(message.error));
      default:
        return this.#waiting?.resolve(message);
    }
  }

  /** The thread has ended, and will answer nothing. */
  end(error: unknown): void {
    this.#ended = { error };
    this.#waiting?.reject(error);
  }

  async #last(call: PartCall): Promise<PartResult> {
    try {
      return await this.#call(call);
    } finally {
      this.#close();
    }
  }

  async #call(call: PartCall): Promise<PartResult> {
    const answer = await this.#ask({ order: this.#id, ...call });
    return (answer as Extract<Answer, { kind: 'done' }>).result;
  }

  #ask(message: ToOrder): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      if (this.#ended === undefined) this.#send(message);
      else reject(this.#ended.error);
    });
  }

  async #mayChange(): Promise<void> {
    try {
      await this.#watch.mayChange();
      this.#send({ order: this.#id, kind: 'mayChange', isAllowed: true });
    } catch (error) {
      this.#refused = { error };
      this.#send({ order: this.#id, kind: 'mayChange', isAllowed: false });
    }
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#onClosed();
  }
}

/** @throws the signal's reason as soon as it is aborted */
async function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort);
  });
  await Promise.race([promise, aborted]).finally(() => signal.removeEventListener('abort', onAbort));
}
