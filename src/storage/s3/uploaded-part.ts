import type { FileVersion, Part, ResumePoint, ResumedPart } from '../folder.ts';
import { PieceFlow } from './piece-flow.ts';
import { storePiece } from './piece-memory.ts';
import { bytesOfPieces } from './piece-rules.ts';
import { hasWrongPieces, isEndedUpload, refusesUpload } from './s3-error.ts';
import type { PartPlace } from './s3-part.ts';
import type { UploadedPiece } from './s3-upload.ts';
import { S3Upload } from './s3-upload.ts';
import type { Beginning } from './upload-progress.ts';
import { UploadProgress } from './upload-progress.ts';
import { bytesOf, resumedPart } from './upload-record.ts';

/** Bytes behind a resume point that are recorded; a line that is longer where a piece ends gives no place to go on. */
const LONGEST_TAIL = 1024 * 1024;

/**
 * A part whose pieces go to the multipart upload of the final object: they are stored once, and nobody sees them before
 * all checks have passed. Nobody can read them either, so what the checks knew shortly before the end of a piece is
 * recorded, with the bytes since then. One piece is stored while the next one is received. A file of one piece is
 * published from memory.
 *
 * All pieces have the same length, and their numbers follow one another (R2; S3 when it has checksums). Attempts that
 * overtake one another store the same bytes under the same number: only what has a place to go on at is taken over, with
 * the version of the file. A piece with another ETag, which encryption may give the same bytes, costs the whole upload.
 */
export class UploadedPart implements Part {
  readonly #place: PartPlace;
  readonly #name: string;
  readonly #key: string;
  readonly #flow = new PieceFlow(
    () => this.#storeNext(),
    () => this.#save(),
  );
  readonly #progress: UploadProgress;
  #resumed: ResumedPart | undefined;
  #upload: S3Upload | undefined;
  #pieceBytes: number;
  /** Stored, in order. */
  #pieces: UploadedPiece[];
  /** Bytes of the pieces, that which is being stored included. */
  #handedOver: number;
  /** The last place before these bytes, and those in them. */
  #points: readonly ResumePoint[] = [];
  /** No bytes will come; and all of them are stored, or ready to be published in one step. */
  #finished = false;
  #isWhole = false;
  /** Of what was written nothing is left, so nothing may be made of it. */
  #isGivenUp = false;
  /** Another attempt has published the file meanwhile. */
  #isOvertaken = false;

  constructor(place: PartPlace, name: string, beginning: Beginning) {
    const { taken } = beginning;
    this.#place = place;
    this.#name = name;
    this.#key = place.keyOf(name);
    this.#progress = new UploadProgress(place, name, beginning);
    this.#pieces = [...(taken?.end?.pieces ?? [])];
    this.#pieceBytes = taken?.pieceBytes ?? place.rules.pieceBytes;
    this.#handedOver = taken === undefined ? 0 : bytesOf(taken);
    if (taken === undefined) return;
    this.#upload = new S3Upload(place.bucket, this.#key, taken);
    this.#resumed = resumedPart(taken);
  }

  get resumed(): ResumedPart | undefined {
    return this.#resumed;
  }

  expect(bytes: number): void {
    if (this.#upload === undefined) this.#pieceBytes = bytesOfPieces(this.#place.rules, bytes);
  }

  async write(chunks: readonly Uint8Array[], points: readonly ResumePoint[] = []): Promise<void> {
    this.#points = [...this.#points.slice(-1), ...points];
    for (const chunk of chunks) await this.#flow.write(chunk, this.#pieceBytes);
  }

  async checkpoint(version: FileVersion): Promise<void> {
    this.#progress.version = version;
    await this.#flow.checkpoint();
  }

  async restart(): Promise<void> {
    await this.#flow.restart();
    await this.#giveUp();
    this.#isGivenUp = false;
    this.#progress.restart();
  }

  async finish(): Promise<void> {
    await this.#flow.stored();
    // The last piece is not in memory any more, or there are none.
    if (this.#isGivenUp || (this.#finished && !this.#isWhole)) throw new Error('pieces of this part were given up');
    this.#finished = true;
    if (this.#handedOver > 0) {
      const { gathered } = this.#flow.memory;
      if (gathered > 0) await (await this.#handOver(undefined)).stored;
      this.#handedOver += gathered;
      // Many finished parts may wait for their names.
      this.#flow.memory.forget();
    }
    this.#isWhole = true;
  }

  async publish(name: string): Promise<boolean> {
    const { bucket, mayPublish } = this.#place;
    if (name !== this.#name) throw new Error(`a part that was opened for ${this.#name} cannot become ${name}`);
    if (!this.#isWhole) throw new Error('a part of which bytes are missing cannot be published');
    if (this.#handedOver === 0) return bucket.create(this.#key, this.#flow.memory.bytes, mayPublish);
    if (this.#isOvertaken) return false;
    try {
      const upload = this.#upload as S3Upload;
      const published = await upload.publish(this.#pieces, this.#handedOver, mayPublish);
      if (published) this.#upload = undefined;
      return published;
    } catch (error) {
      // All of the file has come for nothing, and would again.
      if (isEndedUpload(error) || hasWrongPieces(error)) await this.#giveUp(true);
      else if (refusesUpload(error)) await this.#progress.refused(this.#now);
      throw error;
    }
  }

  async discard(): Promise<void> {
    await this.#flow.end();
    // The file is published, or given up: what stays behind is removed with the other parts at the end of the export.
    await this.#giveUp().catch(() => {});
  }

  async keep(): Promise<number> {
    await this.#flow.end();
    // What fails here costs a later attempt some pieces, and must not hide why this one has ended.
    await this.#save().catch(() => {});
    if (!this.#progress.isOfUse) await this.discard();
    return this.#progress.bytes;
  }

  async #storeNext(): Promise<{ stored: Promise<void> }> {
    const to = this.#handedOver + this.#pieceBytes;
    const handedOver = await this.#handOver(this.#points.findLast(({ bytes }) => bytes <= to));
    this.#handedOver = to;
    return handedOver;
  }

  #handOver(point: ResumePoint | undefined): Promise<{ stored: Promise<void> }> {
    const from = this.#handedOver;
    return storePiece(
      this.#place.bucket,
      () => this.#flow.memory.take(),
      async (piece) => {
        const tail = point === undefined ? Infinity : from + piece.length - point.bytes;
        await this.#store(piece);
        if (point === undefined || tail > LONGEST_TAIL || this.#isOvertaken) return;
        this.#progress.end = { pieces: [...this.#pieces], point, tail: piece.toString('base64', piece.length - tail) };
      },
    );
  }

  async #store(piece: Buffer): Promise<void> {
    if (this.#isOvertaken) return;
    const { bucket, rules } = this.#place;
    if (this.#pieces.length === rules.maxPieces) await this.#runOut();
    try {
      this.#upload ??= await this.#begin();
      this.#pieces.push(await this.#upload.put(this.#pieces.length + 1, piece));
    } catch (error) {
      const hasEnded = (await this.#upload?.hasEnded(error)) === true;
      this.#isOvertaken = hasEnded && (await bucket.size(this.#key)) !== undefined;
      if (this.#isOvertaken) return;
      // A rule ends uploads of some age: the next one would not live longer.
      if (hasEnded || hasWrongPieces(error)) await this.#giveUp(true);
      else if (refusesUpload(error)) await this.#progress.refused(this.#now);
      throw error;
    }
  }

  async #begin(): Promise<S3Upload> {
    const { bucket, mayPublish } = this.#place;
    // An attempt that slept may belong to an export that is over: nobody would remove what it begins.
    await mayPublish();
    const upload = await S3Upload.begin(bucket, this.#key);
    try {
      await this.#progress.begin({ upload, pieceBytes: this.#pieceBytes, pieces: 0 });
    } catch (error) {
      await upload.abort().catch(() => {});
      throw error;
    }
    return upload;
  }

  async #runOut(): Promise<never> {
    await this.#progress.storeObjectsNext(this.#now);
    throw new Error('the file is larger than it was said to be: an upload has no numbers for so many pieces');
  }

  /** Behind the last piece of a finished file nothing could go on. */
  async #save(): Promise<void> {
    const now = this.#now;
    if (now !== undefined && !this.#finished && !this.#isOvertaken) await this.#progress.save(now);
  }

  get #now() {
    const upload = this.#upload;
    return upload && { upload, pieceBytes: this.#pieceBytes, pieces: this.#pieces.length };
  }

  async #giveUp(objectsNext = false): Promise<void> {
    const now = this.#now;
    this.#upload = undefined;
    this.#isWhole = false;
    this.#isGivenUp = true;
    this.#pieces = [];
    this.#points = [];
    this.#handedOver = 0;
    this.#resumed = undefined;
    await this.#progress.giveUp(now, objectsNext);
  }
}
