import type { FileVersion, Part, ResumePoint, ResumedPart } from '../folder.ts';
import { mostBytes } from './piece-rules.ts';
import type { PartPlace } from './s3-part.ts';
import { newS3Part } from './s3-part.ts';
import type { UploadedPart } from './uploaded-part.ts';

/** A part whose pieces go to an upload, unless the file is said to be larger than one can hold: then they are objects. */
export class SizedPart implements Part {
  readonly #place: PartPlace;
  #part: Part;

  constructor(place: PartPlace, part: UploadedPart) {
    this.#place = place;
    this.#part = part;
  }

  get resumed(): ResumedPart | undefined {
    return this.#part.resumed;
  }

  expect(bytes: number): void {
    // Of what is resumed the size was said when it was begun.
    if (this.resumed === undefined && bytes > mostBytes(this.#place.rules)) this.#part = newS3Part(this.#place);
    else this.#part.expect?.(bytes);
  }

  write(chunks: readonly Uint8Array[], points?: readonly ResumePoint[]): Promise<void> {
    return this.#part.write(chunks, points);
  }

  checkpoint(version: FileVersion): Promise<void> {
    return this.#part.checkpoint(version);
  }

  restart(): Promise<void> {
    return this.#part.restart();
  }

  finish(): Promise<void> {
    return this.#part.finish();
  }

  publish(name: string): Promise<boolean> {
    return this.#part.publish(name);
  }

  discard(): Promise<void> {
    return this.#part.discard();
  }

  keep(): Promise<number> {
    return this.#part.keep();
  }
}
