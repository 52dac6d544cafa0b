import type { FoundAttachment } from './attachments.ts';
import { describeAttachment, isAttachment, isElement } from './attachments.ts';
import type { JsonListener } from './json-reader.ts';

interface Frame {
  inExtension: boolean;
  /** Of an object: its values, while it may be an attachment. */
  fields: Record<string, unknown> | undefined;
  /** Where the value is that is being read: the key, or the place in the list. */
  key: string;
  index: number | undefined;
}

/** Finds in a resource that is read while it comes what `findAttachments` finds in one that is held as a whole. */
export class AttachmentFinder implements JsonListener {
  readonly #take: (attachment: FoundAttachment) => void;
  readonly #frames: Frame[] = [];

  constructor(take: (attachment: FoundAttachment) => void) {
    this.#take = take;
  }

  open(kind: 'object' | 'array'): void {
    const parent = this.#frames.at(-1);
    // What is in it is of no use, but that it is there is.
    this.value(null);
    const isList = parent === undefined || parent.index !== undefined;
    this.#frames.push({
      inExtension: isList
        ? parent?.inExtension === true
        : parent.key === 'extension' || parent.key === 'modifierExtension',
      fields: kind === 'object' ? {} : undefined,
      key: '',
      index: kind === 'array' ? -1 : undefined,
    });
  }

  close(): void {
    const { fields, inExtension } = this.#frames.pop() as Frame;
    if (fields === undefined || inExtension || !isAttachment(fields)) return;
    this.#take(describeAttachment(fields, this.#path()));
  }

  key(name: string): void {
    const frame = this.#frames.at(-1) as Frame;
    frame.key = name;
    if (!isElement(name)) frame.fields = undefined;
  }

  value(value: unknown): void {
    const frame = this.#frames.at(-1);
    if (frame?.index !== undefined) frame.index++;
    else if (frame?.fields !== undefined) frame.fields[frame.key] = value;
  }

  /** As in FHIRPath. */
  #path(): string {
    return this.#frames
      .map(({ key, index }) => (index === undefined ? `.${key}` : `[${index}]`))
      .join('')
      .slice(1);
  }
}
