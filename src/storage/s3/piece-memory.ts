/**
 * Pieces that one thread stores at once in a bucket: each holds memory, and few keep a network or a storage busy. Others
 * have turns of their own, because a bucket that does not answer must not hold them up.
 */
const STORED_AT_ONCE = 3;
/** Bytes from which a file is taken to need whole pieces. */
const LARGE = 1024 * 1024;
/** Bytes of a piece that are taken at once. Larger pieces grow: what is said of the length of a file may be wrong by far. */
const AT_ONCE = 8 * 1024 * 1024;
const NOTHING = Buffer.alloc(0);

/** Memory of pieces that have been stored, for the next ones of any file: making it anew costs more than filling it. */
const spare: Buffer[] = [];
/** Files that hold memory for whole pieces. */
let holders = 0;
/** Pieces that are being stored, and those that wait for their turn, by bucket. */
const turns = new WeakMap<object, { storing: number; waiting: (() => void)[] }>();

/**
 * Begins to store a piece, when not too many of other files are being stored: whoever receives faster waits here.
 *
 * @param bucket where it goes
 * @param take gives the piece when its turn has come
 * @param store is done with the memory of the piece when it ends
 */
export async function storePiece(
  bucket: object,
  take: () => Buffer,
  store: (piece: Buffer) => Promise<void>,
): Promise<{ stored: Promise<void> }> {
  let turn = turns.get(bucket);
  if (turn === undefined) turns.set(bucket, (turn = { storing: 0, waiting: [] }));
  const { waiting } = turn;
  if (turn.storing < STORED_AT_ONCE) turn.storing++;
  else await new Promise<void>((resolve) => waiting.push(resolve));
  const stored = storeNow(take, store).finally(() => {
    const next = waiting.shift();
    if (next === undefined) turn.storing--;
    else next();
  });
  return { stored };
}

async function storeNow(take: () => Buffer, store: (piece: Buffer) => Promise<void>): Promise<void> {
  const piece = take();
  await store(piece);
  giveBack(piece);
}

/** Not of a request that failed: the SDK may be reading it still. */
function giveBack({ buffer }: Buffer): void {
  if (holders > 0 && buffer.byteLength > LARGE && spare.length < STORED_AT_ONCE) spare.push(Buffer.from(buffer));
}

/** The piece of a file that is being gathered. */
export class PieceMemory {
  #memory: Buffer = NOTHING;
  #holds = false;
  /** Bytes that a piece takes at once. */
  #room = AT_ONCE;
  /** Bytes so far. */
  gathered = 0;

  /**
   * Copies a chunk, whose memory may be used again.
   *
   * @param most bytes of the piece
   */
  gather(chunk: Uint8Array, most: number): void {
    const length = this.gathered + chunk.length;
    if (length > this.#memory.length) {
      // A small file takes no more than it needs; of a large one all later pieces are whole at once.
      const larger =
        length > LARGE || this.#holds
          ? this.#whole(length, most)
          : Buffer.allocUnsafeSlow(Math.min(Math.max(length, 2 * this.#memory.length), most));
      larger.set(this.#memory.subarray(0, this.gathered));
      this.#memory = larger;
    }
    this.#memory.set(chunk, this.gathered);
    this.gathered = length;
  }

  /** Takes the piece away; what is gathered next begins another one. */
  take(): Buffer {
    const piece = this.bytes;
    this.#memory = NOTHING;
    this.gathered = 0;
    return piece;
  }

  /** The bytes so far. */
  get bytes(): Buffer {
    return this.#memory.subarray(0, this.gathered);
  }

  forget(): void {
    this.#memory = NOTHING;
    this.gathered = 0;
    if (!this.#holds) return;
    this.#holds = false;
    holders--;
    // Idle workers hold nothing.
    if (holders === 0) spare.length = 0;
  }

  #whole(length: number, most: number): Buffer {
    while (this.#room < length) this.#room *= 2;
    const bytes = Math.min(this.#room, most);
    if (!this.#holds) holders++;
    this.#holds = true;
    const last = spare.pop();
    if (last?.length === bytes) return last;
    // Those of very large files are larger. Memory of another size would stay unused.
    spare.length = 0;
    return Buffer.allocUnsafeSlow(bytes);
  }
}
