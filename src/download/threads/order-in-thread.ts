import type { HttpClient } from '../../http/http-client.ts';
import type { DestinationConfig } from '../../storage/destinations.ts';
import { openDestination } from '../../storage/destinations.ts';
import type { Folder, Part } from '../../storage/folder.ts';
import { fetchFile } from '../fetch-file.ts';
import type { FileOrder, OfOrder, PartCall, PartResult, ToOrder } from './messages.ts';
import { toThrown } from './thrown-error.ts';

/** Milliseconds between two reports of progress: heartbeats, for which they are, are sent once a second at most. */
const REPORT = 500;

/** Reports how far a file has come: now and then, and at the end. */
class Progress {
  readonly #report: (bytes: number) => void;
  #reportedAt = 0;
  #unreported: number | undefined;

  constructor(report: (bytes: number) => void) {
    this.#report = report;
  }

  reached(bytes: number): void {
    this.#unreported = bytes;
    const now = Date.now();
    if (now - this.#reportedAt < REPORT) return;
    this.#reportedAt = now;
    this.end();
  }

  end(): void {
    if (this.#unreported !== undefined) this.#report(this.#unreported);
    this.#unreported = undefined;
  }
}

interface Surroundings {
  destinations: Readonly<Record<string, DestinationConfig>>;
  http: HttpClient;
  send(message: OfOrder): void;
  /** Nothing more will be asked of the order. */
  onClosed(): void;
}

/** A file that this thread fetches for another one. */
export class OrderInThread {
  readonly #id: number;
  readonly #file: FileOrder;
  readonly #around: Surroundings;
  readonly #abort = new AbortController();
  #folder: Folder | undefined;
  #part: Part | undefined;
  #onMayChange: ((isAllowed: boolean) => void) | undefined;
  /** The last question whether something may be changed; one is asked after another. */
  #asked: Promise<unknown> = Promise.resolve();

  constructor(id: number, file: FileOrder, around: Surroundings) {
    this.#id = id;
    this.#file = file;
    this.#around = around;
  }

  /** Fetches the file, and says what came of it. Never fails. */
  async fetch(): Promise<void> {
    const { request, destination, path, label, name } = this.#file;
    const { signal } = this.#abort;
    try {
      const place = await openDestination(this.#around, destination, path);
      this.#folder = place.guardedBy(() => this.#mayChange());
      const part = await this.#folder.openPart(label, name, signal);
      this.#part = part;
      const progress = new Progress((bytes) =>
        this.#send({ kind: 'progress', bytes, resumedAt: part.resumed?.bytes ?? 0 }),
      );
      const outcome = await fetchFile(request, {
        http: this.#around.http,
        part,
        signal,
        onProgress: (bytes) => progress.reached(bytes),
        onLost: (lost) => this.#send({ kind: 'lost', lost }),
        onRefusal: ({ status, headers, url }) => this.#send({ kind: 'refusal', refusal: { status, headers, url } }),
      }).finally(() => progress.end());
      // The part of any other outcome is closed.
      if (outcome.kind !== 'checked') this.#around.onClosed();
      this.#send({ kind: 'fetched', outcome });
    } catch (error) {
      this.#around.onClosed();
      if (signal.aborted && error === signal.reason) this.#send({ kind: 'aborted' });
      else this.#send({ kind: 'threw', error: toThrown(error) });
    }
  }

  /** Takes a further message about the order. Never fails. */
  async take(message: Exclude<ToOrder, { kind: 'fetch' }>): Promise<void> {
    if (message.kind === 'abort') return this.#abort.abort(new Error('the order was aborted'));
    if (message.kind === 'mayChange') return this.#onMayChange?.(message.isAllowed);
    try {
      this.#send({ kind: 'done', result: await this.#call(message) });
    } catch (error) {
      this.#send({ kind: 'threw', error: toThrown(error) });
    } finally {
      // Only now: the call may have asked whether something may be changed.
      if (message.kind === 'discard' || message.kind === 'keep') this.#around.onClosed();
    }
  }

  async #call(call: PartCall): Promise<PartResult> {
    const part = this.#part as Part;
    switch (call.kind) {
      case 'finish':
        await part.finish();
        return undefined;
      case 'publish': {
        const isPublished = await part.publish(call.name);
        // The thread that writes the receipt knows nothing of names that became durable, or did not, in this one.
        await this.#folder?.syncNames();
        return isPublished;
      }
      case 'discard':
        await part.discard();
        return undefined;
      case 'keep':
        return part.keep();
    }
  }

  /** Asked as late as it would be if the file were fetched by the thread that can answer. */
  async #mayChange(): Promise<void> {
    const answer = this.#asked.then(
      () =>
        new Promise<boolean>((resolve) => {
          this.#onMayChange = resolve;
          this.#send({ kind: 'mayChange' });
        }),
    );
    this.#asked = answer;
    if (!(await answer)) throw new Error('nothing may be changed at the destination');
  }

  #send(message: DistributiveOmit<OfOrder, 'order'>): void {
    this.#around.send({ order: this.#id, ...message });
  }
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
