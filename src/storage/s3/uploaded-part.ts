import { randomUUID } from 'node:crypto';
import type { FileVersion, Part, ResumePoint, ResumedPart } from '../folder.ts';
import { PieceMemory, storePiece } from './piece-memory.ts';
import { LEAST_PIECE, sizeOfPiece } from './piece-rules.ts';
import { isEndedUpload } from './s3-error.ts';
import type { PartPlace } from './s3-part.ts';
import type { UploadedPiece } from './s3-upload.ts';
import { S3Upload } from './s3-upload.ts';
import type { UploadCheckpoint } from './upload-checkpoint.ts';
import { OwnCheckpoint } from './upload-checkpoint.ts';

/** What is taken over, and the number of the first piece that is added. */
export type Taken = UploadCheckpoint & { next: number };

/**
 * A part whose pieces go to the multipart upload of the final object: they are stored once, and nobody sees them before
 * all checks have passed. Nobody can read them either, so a piece ends where a later attempt can go on by what is known
 * there. One piece is stored while the next one is received. A file of one piece is published from memory.
 */
export class UploadedPart implements Part {
  readonly #place: PartPlace;
  readonly #name: string;
  readonly #key: string;
  readonly #memory = new PieceMemory();
  #checkpoint: OwnCheckpoint;
  #resumed: ResumedPart | undefined;
  #upload: S3Upload | undefined;
  /** Stored, in order. */
  #pieces: UploadedPiece[];
  #next: number;
  #takeovers: number;
  /** Bytes of the pieces, that which is being stored included. */
  #handedOver: number;
  /** The last point, and the one before. */
  #points: ResumePoint[] = [];
  /** Where a later attempt can go on, behind so many pieces; and bytes that it knows of. */
  #end: { pieces: number; point: ResumePoint } | undefined;
  #saved: number;
  #version: FileVersion | undefined;
  /** The last piece that was stored in the background, with its failure. */
  #storing: Promise<void> = Promise.resolve();
  #busy = false;
  /** No bytes will come; and all of them are stored, or ready to be published in one step. */
  #finished = false;
  #isWhole = false;
  /** Another attempt has published the file meanwhile. */
  #isOvertaken = false;

  constructor(place: PartPlace, name: string, checkpoint: OwnCheckpoint, taken: Taken | undefined) {
    this.#place = place;
    this.#name = name;
    this.#key = place.keyOf(name);
    this.#checkpoint = checkpoint;
    this.#pieces = [...(taken?.pieces ?? [])];
    this.#next = taken?.next ?? 1;
    this.#takeovers = taken?.takeovers ?? 0;
    this.#handedOver = this.#saved = taken?.bytes ?? 0;
    if (taken === undefined) return;
    const { validator, total, bytes, state, uploadId } = taken;
    this.#version = { validator, ...(total === undefined ? {} : { total }) };
    this.#upload = new S3Upload(place.bucket, this.#key, uploadId);
    this.#resumed = { kind: 'known', bytes, state, version: this.#version };
  }

  get resumed(): ResumedPart | undefined {
    return this.#resumed;
  }

  async write(chunks: readonly Uint8Array[], point?: ResumePoint): Promise<void> {
    if (point !== undefined) this.#points = [...this.#points.slice(-1), point];
    for (const chunk of chunks) await this.#write(chunk);
  }

  async #write(chunk: Uint8Array): Promise<void> {
    let rest = chunk;
    // A full piece stays until more comes: it may be all of the file.
    for (;;) {
      const most = sizeOfPiece(this.#place.rules, this.#next);
      const room = most - this.#memory.gathered;
      this.#memory.gather(rest.subarray(0, room), most);
      rest = rest.subarray(room);
      if (rest.length === 0) return;
      await this.#storeInBackground();
    }
  }

  async checkpoint(version: FileVersion): Promise<void> {
    this.#version = version;
    // What is being stored makes a checkpoint of its own; to wait for it here would hold up the transfer.
    if (this.#busy) return;
    await this.#storing;
    await this.#save();
  }

  async restart(): Promise<void> {
    await this.#storing.catch(() => {});
    this.#memory.forget();
    await this.#giveUp();
    this.#checkpoint = new OwnCheckpoint(this.#place.bucket, `${this.#place.prefix}${randomUUID()}/`);
    this.#resumed = undefined;
    this.#version = undefined;
    this.#points = [];
    this.#handedOver = 0;
    this.#storing = Promise.resolve();
  }

  async finish(): Promise<void> {
    await this.#storing;
    this.#finished = true;
    if (this.#handedOver > 0) {
      if (this.#memory.gathered > 0) await (await this.#handOver(this.#memory.gathered, undefined)).stored;
      // Many finished parts may wait for their names.
      this.#memory.forget();
    }
    this.#isWhole = true;
  }

  async publish(name: string): Promise<boolean> {
    const { bucket, mayPublish } = this.#place;
    if (name !== this.#name) throw new Error(`a part that was opened for ${this.#name} cannot become ${name}`);
    if (!this.#isWhole) throw new Error('a part of which bytes are missing cannot be published');
    if (this.#handedOver === 0) {
      await mayPublish();
      return bucket.create(this.#key, this.#memory.bytes);
    }
    // Whoever has published it first has ended the upload, too.
    if (this.#isOvertaken || (await bucket.size(this.#key)) !== undefined) return false;
    await mayPublish();
    try {
      const upload = this.#upload as S3Upload;
      const published = await bucket.once(this.#key, (condition) => upload.complete(this.#pieces, condition));
      if (published) this.#upload = undefined;
      return published;
    } catch (error) {
      // The answer to an upload that was completed got lost, and the SDK asked again; or somebody else was first.
      if (isEndedUpload(error) && (await bucket.size(this.#key)) !== undefined) return false;
      // A piece that is gone or another one does not come back.
      if (isEndedUpload(error) || (error as Error).name === 'InvalidPart') await this.#giveUp();
      throw error;
    }
  }

  async discard(): Promise<void> {
    this.#memory.forget();
    await this.#storing.catch(() => {});
    // The file is published, or given up: what stays behind is removed with the other parts at the end of the export.
    await this.#giveUp().catch(() => {});
  }

  async keep(): Promise<number> {
    this.#memory.forget();
    // What fails here costs a later attempt some pieces, and must not hide why this one has ended.
    await this.#storing.catch(() => {});
    await this.#save().catch(() => {});
    const saved = this.#saved;
    // Nothing that a later attempt could take over.
    if (saved === 0) await this.discard();
    return saved;
  }

  async #storeInBackground(): Promise<void> {
    await this.#storing;
    const { gathered } = this.#memory;
    const point = this.#points.findLast(
      ({ bytes }) => bytes >= this.#handedOver + LEAST_PIECE && bytes <= this.#handedOver + gathered,
    );
    const length = point === undefined ? gathered : point.bytes - this.#handedOver;
    const { stored } = await this.#handOver(length, point);
    this.#busy = true;
    this.#handedOver += length;
    this.#storing = stored.then(() => this.#save()).finally(() => (this.#busy = false));
    // Whoever waits for it next gets its failure.
    this.#storing.catch(() => {});
  }

  #handOver(bytes: number, point: ResumePoint | undefined): Promise<{ stored: Promise<void> }> {
    return storePiece(
      () => this.#memory.take(bytes),
      (piece) => this.#store(piece, point),
    );
  }

  async #store(piece: Buffer, point: ResumePoint | undefined): Promise<void> {
    if (this.#isOvertaken) return;
    const { bucket } = this.#place;
    try {
      this.#upload ??= await S3Upload.begin(bucket, this.#key);
      this.#pieces.push(await this.#upload.put(this.#next, piece));
      this.#next++;
    } catch (error) {
      if (!(await this.#hasEnded(error))) throw error;
      this.#isOvertaken = (await bucket.size(this.#key)) !== undefined;
      if (this.#isOvertaken) return;
      await this.#giveUp();
      throw error;
    }
    if (point !== undefined) this.#end = { pieces: this.#pieces.length, point };
  }

  async #hasEnded(error: unknown): Promise<boolean> {
    return isEndedUpload(error) || (await this.#upload?.exists(this.#next).catch(() => true)) === false;
  }

  /** Makes the pieces known to later attempts. Behind the last one of a finished file nothing could go on. */
  async #save(): Promise<void> {
    const [end, upload, version] = [this.#end, this.#upload, this.#version];
    if (end === undefined || upload === undefined || version === undefined) return;
    if (this.#finished || this.#isOvertaken || end.point.bytes === this.#saved) return;
    const pieces = this.#pieces.slice(0, end.pieces);
    const of = { uploadId: upload.id, name: this.#name, takeovers: this.#takeovers };
    await this.#checkpoint.save({ ...version, ...end.point, ...of, pieces });
    this.#saved = end.point.bytes;
  }

  /** Gives the upload up, unless another attempt goes on with it. */
  async #giveUp(): Promise<void> {
    const upload = this.#upload;
    this.#upload = undefined;
    this.#isWhole = false;
    this.#pieces = [];
    this.#next = 1;
    this.#takeovers = 0;
    this.#end = undefined;
    this.#saved = 0;
    if (!(await this.#checkpoint.remove())) return;
    await upload?.abort();
  }
}
