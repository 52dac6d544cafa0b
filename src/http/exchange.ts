import type { Dispatcher } from 'undici';
import { errors } from 'undici';
import { ExportError } from '../errors.ts';
import { BodySpeed, SlowBodyError } from './body-speed.ts';
import type { HttpBody, Take } from './http-body.ts';
import { toNetworkError } from './network-error.ts';
import { RefusedUrlError } from './refused-url.ts';
import { received, release } from './slabs.ts';

/** Bytes of a body that are held until somebody receives it; at this limit the server must wait. */
const MOST_HELD = 64 * 1024;
/** Bytes of an unwanted body that are read, so that its connection can be used again. */
const MOST_DUMPED = 128 * 1024;
/** Milliseconds that it may take: one that comes byte by byte would hold up whoever does not want it. */
const LONGEST_DUMP = 5000;

/** How an exchange went that is over. */
export interface Over {
  /** Undefined: no answer came. */
  status: number | undefined;
  /** Of the body, as they came. */
  bytes: number;
  /** Why the body has no end; undefined also of one that nobody wanted. */
  error: unknown;
}

/** Where a request goes, and who ends it. */
export interface ExchangeTo {
  host: string;
  /** Milliseconds over which a body must come at the slowest speed. */
  window: number;
  signal: AbortSignal | undefined;
  /** Called once, when the last byte of the body has come, or none will. */
  onOver?: ((over: Over) => void) | undefined;
}

/** Status, headers and body of an answer. */
export interface Answered {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: HttpBody;
}

/**
 * Sends one request. The body is pushed to its receiver as it comes from the socket: undici hands out slices of the
 * memory of one read, which is not used again before they are released, so they are passed on without a copy and without
 * a stream between.
 *
 * @throws NetworkError; the signal's reason when it was aborted
 */
export function exchange(
  dispatcher: Dispatcher,
  options: Dispatcher.DispatchOptions,
  to: ExchangeTo,
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const handler = new Exchange({ ...to, onAnswer: resolve, onFailure: reject });
    if (!handler.over) dispatcher.dispatch(options, handler);
  });
}

interface ExchangeOptions extends ExchangeTo {
  onAnswer: (answer: Answered) => void;
  onFailure: (error: unknown) => void;
}

class Exchange implements Dispatcher.DispatchHandler, HttpBody {
  readonly #host: string;
  readonly #signal: AbortSignal | undefined;
  readonly #onAnswer: (answer: Answered) => void;
  readonly #onFailure: (error: unknown) => void;
  readonly #window: number;
  readonly #speed: BodySpeed;
  #onOver: ((over: Over) => void) | undefined;
  #status: number | undefined;
  #bytes = 0;
  #controller: Dispatcher.DispatchController | undefined;
  #take: Take | undefined;
  #settle: { resolve: () => void; reject: (error: unknown) => void } | undefined;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #waiting = false;
  /** A connection stands, and the request is being sent. */
  #begun = false;
  #ended = false;
  #failure: { error: unknown } | undefined;
  /** The body has broken off, behind what is held. */
  #broken: { error: unknown } | undefined;

  constructor({ host, window, signal, onOver, onAnswer, onFailure }: ExchangeOptions) {
    this.#host = host;
    this.#window = window;
    this.#speed = new BodySpeed(window);
    this.#speed.hold();
    this.#signal = signal;
    this.#onOver = onOver;
    this.#onAnswer = onAnswer;
    this.#onFailure = onFailure;
    if (signal?.aborted === true) this.#onAbort();
    else signal?.addEventListener('abort', this.#onAbort);
  }

  /** Nothing more will come. */
  get over(): boolean {
    return this.#ended || this.#failure !== undefined;
  }

  receive(take: Take): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#take = take;
      this.#settle = { resolve, reject };
      if (this.#failure !== undefined) reject(this.#failure.error);
      else {
        this.#speed.goOn();
        this.#pass();
      }
    });
  }

  async dump(): Promise<void> {
    let bytes = 0;
    const late = AbortSignal.timeout(LONGEST_DUMP);
    const stop = (): void => this.destroy();
    late.addEventListener('abort', stop);
    await this.receive((chunk) => {
      bytes += chunk.length;
      release(chunk);
      if (bytes > MOST_DUMPED) this.destroy();
      return undefined;
    }).catch(() => {});
    late.removeEventListener('abort', stop);
  }

  destroy(): void {
    if (this.#ended) return;
    this.#tellOver();
    this.#fail(new Error('the body is not wanted'));
  }

  /** Called again when a kept connection turns out to be closed and the request is sent over another one. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#begun = true;
    if (this.#failure !== undefined) controller.abort(new errors.RequestAbortedError());
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: Answered['headers']): void {
    // 1xx is not the answer yet.
    if (status < 200) return;
    this.#status = status;
    this.#onAnswer({ status, headers, body: this });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    // undici resumes its parser with an empty one.
    if (chunk.length === 0) return;
    received(chunk);
    this.#bytes += chunk.length;
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#speed.isTooSlow(chunk.length)) queueMicrotask(this.#onSlow);
    this.#pass();
    if (this.#waiting || this.#heldBytes >= MOST_HELD) controller.pause();
  }

  onResponseEnd(): void {
    this.#ended = true;
    this.#tellOver();
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#pass();
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    // A name that leads to a refused address stays refused, and so do credentials; everything else is a fault of the
    // network.
    const isFinal = error instanceof RefusedUrlError || error instanceof ExportError;
    this.#breakOff(isFinal ? error : toNetworkError(error, this.#host, this.#begun));
  }

  /** Nothing more comes, or is wanted. */
  #breakOff(failure: Error): void {
    if (this.#heldBytes === 0) return this.#fail(failure);
    this.#tellOver(failure);
    // What has come is delivered first: whoever resumes the body does so behind it.
    this.#broken = { error: failure };
    this.#pass();
  }

  /** Gives what is held to the receiver, and resumes reading when it has taken everything. */
  #pass(): void {
    if (this.#take === undefined || this.#waiting || this.#failure !== undefined) return;
    for (let chunk = this.#held.shift(); chunk !== undefined; chunk = this.#held.shift()) {
      this.#heldBytes -= chunk.length;
      let pending: Promise<void> | undefined;
      try {
        pending = this.#take(chunk);
      } catch (error) {
        this.#fail(error);
      }
      if (this.#failure !== undefined) return;
      if (pending !== undefined) {
        this.#waiting = true;
        this.#speed.hold();
        pending.then(
          () => {
            this.#waiting = false;
            this.#speed.goOn();
            this.#pass();
          },
          (error: unknown) => this.#fail(error),
        );
        return;
      }
    }
    if (this.#ended) this.#settle?.resolve();
    else if (this.#broken !== undefined) this.#fail(this.#broken.error);
    else this.#controller?.resume();
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { error };
    this.#tellOver(error);
    this.#held = [];
    this.#heldBytes = 0;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    // Not with the error itself, which may be one of another connection, and look like one of this.
    this.#controller?.abort(new errors.RequestAbortedError());
    this.#onFailure(error);
    this.#settle?.reject(error);
  }

  #tellOver(error?: unknown): void {
    const onOver = this.#onOver;
    this.#onOver = undefined;
    onOver?.({ status: this.#status, bytes: this.#bytes, error });
  }

  /** Called behind what came in one read: the end may have been in it. */
  readonly #onSlow = (): void => {
    if (!this.over) this.#breakOff(new SlowBodyError(this.#host, this.#window));
  };

  readonly #onAbort = (): void => {
    const reason: unknown = this.#signal?.reason;
    // A time limit is a fault of the network; any other abort is somebody's wish.
    const isTimeout = reason instanceof Error && reason.name === 'TimeoutError';
    this.#fail(isTimeout ? toNetworkError(reason, this.#host, this.#begun) : reason);
  };
}
