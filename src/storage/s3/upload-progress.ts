import type { FileVersion } from '../folder.ts';
import type { PartPlace } from './s3-part.ts';
import type { S3Upload } from './s3-upload.ts';
import type { UploadEnd, UploadRecord } from './upload-record.ts';
import { MOST_FRUITLESS, OwnRecord, bytesOf } from './upload-record.ts';

/** What a part begins with. */
export interface Beginning {
  record: OwnRecord;
  /** Attempts in a row before this one that were refused, or have stored pieces and got no place to go on at. */
  fruitless: number;
  /** The upload that it goes on with. */
  taken: UploadRecord | undefined;
}

/** An upload as it is now. */
interface UploadNow {
  upload: S3Upload;
  /** Of each piece. */
  pieceBytes: number;
  /** How many are stored. */
  pieces: number;
}

/** What later attempts know of the upload of one attempt, in its record. */
export class UploadProgress {
  readonly #place: PartPlace;
  readonly #name: string;
  #record: OwnRecord;
  #taken: UploadRecord | undefined;
  #fruitless: number;
  /** How many there will be with this one, when that does not follow from what it has stored. */
  #fruitlessNow: number | undefined;
  #saved: { bytes: number; pieces: number };
  /** Where a later attempt can go on. */
  end: Omit<UploadEnd, 'version'> | undefined;
  /** Of the file; without one nothing can be gone on with. */
  version: FileVersion | undefined;

  constructor(place: PartPlace, name: string, { record, fruitless, taken }: Beginning) {
    this.#place = place;
    this.#name = name;
    this.#record = record;
    this.#taken = taken;
    this.#fruitless = fruitless;
    this.#saved = { bytes: taken === undefined ? 0 : bytesOf(taken), pieces: taken?.end?.pieces.length ?? 0 };
    this.end = taken?.end;
    this.version = taken?.end?.version;
  }

  /** Bytes of the file that a later attempt need not fetch again. */
  get bytes(): number {
    return this.#saved.bytes;
  }

  /** Whether there is something that a later attempt could take over, or should know. */
  get isOfUse(): boolean {
    return this.#record.isSaved && (this.version !== undefined || (this.#fruitlessNow ?? this.#fruitless) > 0);
  }

  /** Records an upload that has no pieces yet: also what cannot be resumed must be found, and given up. */
  async begin(now: UploadNow): Promise<void> {
    await this.#record.save(this.#recordOf(now));
  }

  /**
   * Makes what is stored known to later attempts. Also when they could go on no further than before: an attempt that was
   * shut out is to notice.
   */
  async save(now: UploadNow): Promise<void> {
    if (this.version === undefined || now.pieces === this.#saved.pieces) return;
    const record = this.#recordOf(now);
    await this.#record.save(record);
    this.#saved = { bytes: bytesOf(record), pieces: now.pieces };
  }

  /**
   * Counts that the storage has refused a piece, or the end. That may pass: the next attempts go on, until so many in a
   * row were refused without another piece.
   */
  async refused(now: UploadNow | undefined): Promise<void> {
    this.#fruitlessNow ??= (this.#hasAdvanced ? 0 : this.#fruitless) + 1;
    if (now !== undefined) await this.#record.save(this.#recordOf(now));
  }

  /** Has the next attempt store objects: the same would happen to another upload. */
  async storeObjectsNext(now: UploadNow | undefined): Promise<void> {
    this.#fruitlessNow = MOST_FRUITLESS;
    if (now !== undefined) await this.#record.save(this.#recordOf(now));
  }

  /**
   * Gives the upload up, unless another attempt goes on with it.
   *
   * @param objectsNext the same would happen to another upload
   */
  async giveUp(now: UploadNow | undefined, objectsNext = false): Promise<void> {
    this.end = this.#taken = undefined;
    this.#saved = { bytes: 0, pieces: 0 };
    const isOurs = now === undefined || (await this.#record.isAlone(now.upload.id));
    if (now !== undefined && isOurs) await now.upload.abort();
    if (objectsNext && isOurs && this.#record.isSaved) await this.storeObjectsNext(now && { ...now, pieces: 0 });
    else await this.#record.remove();
  }

  /** Begins a record of its own for another version of the file. */
  restart(): void {
    this.#record = new OwnRecord(this.#place.bucket, this.#place.prefix);
    this.version = undefined;
  }

  /** Later attempts can go on behind what was taken over. */
  get #hasAdvanced(): boolean {
    return this.end !== this.#taken?.end;
  }

  #recordOf({ upload, pieceBytes, pieces }: UploadNow): UploadRecord {
    const { end, version } = this;
    const taken = this.#taken?.end;
    const { protection } = this.#place.bucket;
    // One that has stored nothing yet does not count.
    const more = pieces > (taken?.pieces.length ?? 0) ? 1 : 0;
    return {
      uploadId: upload.id,
      name: this.#name,
      pieceBytes,
      sha256: upload.sha256,
      ...(protection === '{}' ? {} : { protection }),
      fruitless: this.#fruitlessNow ?? (this.#hasAdvanced ? 0 : this.#fruitless + more),
      ...(end && version ? { end: { ...end, version } } : {}),
    };
  }
}
