import { PieceMemory } from './piece-memory.ts';

/** The bytes of a part on their way into pieces: one is stored while the next one is received. */
export class PieceFlow {
  readonly memory = new PieceMemory();
  readonly #store: () => Promise<{ stored: Promise<void> }>;
  readonly #save: () => Promise<void>;
  /** The last piece that was stored in the background, with its failure. */
  #storing: Promise<void> = Promise.resolve();
  #busy = false;

  /**
   * @param store begins to store what was gathered
   * @param save makes what is stored known to later attempts
   */
  constructor(store: () => Promise<{ stored: Promise<void> }>, save: () => Promise<void>) {
    this.#store = store;
    this.#save = save;
  }

  /** @param pieceBytes of each piece */
  async write(chunk: Uint8Array, pieceBytes: number): Promise<void> {
    let rest = chunk;
    // A full piece stays until more comes: it may be all of the file.
    for (;;) {
      const room = pieceBytes - this.memory.gathered;
      this.memory.gather(rest.subarray(0, room), pieceBytes);
      rest = rest.subarray(room);
      if (rest.length === 0) return;
      await this.#storeInBackground();
    }
  }

  async #storeInBackground(): Promise<void> {
    await this.#storing;
    const { stored } = await this.#store();
    this.#busy = true;
    this.#storing = stored.then(this.#save).finally(() => (this.#busy = false));
    // Whoever waits for it next gets its failure.
    this.#storing.catch(() => {});
  }

  /** Saves what is stored, unless that is being done. */
  async checkpoint(): Promise<void> {
    // What is being stored makes a checkpoint of its own; to wait for it here would hold up the transfer.
    if (this.#busy) return;
    await this.#storing;
    await this.#save();
  }

  /** Waits until no piece is being stored. @throws what the last one has failed with */
  async stored(): Promise<void> {
    await this.#storing;
  }

  /** Begins anew. */
  async restart(): Promise<void> {
    await this.#storing.catch(() => {});
    this.memory.forget();
    this.#storing = Promise.resolve();
  }

  /** Ends it, without what has not been stored. */
  async end(): Promise<void> {
    this.memory.forget();
    await this.#storing.catch(() => {});
  }
}
