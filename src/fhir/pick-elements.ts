import type { JsonListener } from './json-reader.ts';

/** Fields that are kept; lists are looked through. */
export interface Shape {
  readonly [field: string]: Shape | true;
}

/** Items of a list within an element. */
const MOST_ITEMS = 100;

interface Frame {
  /** Undefined where nothing is kept. */
  shape: Shape | undefined;
  value: Record<string, unknown> | unknown[];
  key: string;
  /** An item of the list whose elements are handed on. */
  isElement: boolean;
}

/**
 * Picks the elements of one list of a resource, such as the issues of an OperationOutcome, one after another and only
 * with the fields that are needed, so that memory does not depend on how many there are and what else they hold.
 */
export class ElementPicker implements JsonListener {
  readonly #root: Shape;
  readonly #take: (element: unknown) => void;
  readonly #frames: Frame[] = [];

  /**
   * @param list name of the list, a field of the resource
   * @param element what is kept of each
   */
  constructor(list: string, element: Shape, take: (element: unknown) => void) {
    this.#root = { [list]: element };
    this.#take = take;
  }

  open(kind: 'object' | 'array'): void {
    const parent = this.#frames.at(-1);
    const found = parent === undefined ? this.#root : shapeIn(parent);
    const shape = found === true ? undefined : found;
    const isElement = this.#frames.length === 2 && Array.isArray(parent?.value);
    const value = kind === 'array' ? [] : {};
    if (parent !== undefined && shape !== undefined && !isElement) put(parent, value);
    this.#frames.push({ shape, value, key: '', isElement });
  }

  close(): void {
    const frame = this.#frames.pop();
    if (frame?.isElement === true && frame.shape !== undefined) this.#take(frame.value);
  }

  key(name: string): void {
    const frame = this.#frames.at(-1);
    if (frame !== undefined) frame.key = name;
  }

  value(value: unknown): void {
    const parent = this.#frames.at(-1);
    if (parent !== undefined && shapeIn(parent) === true) put(parent, value);
  }
}

function shapeIn({ shape, value, key }: Frame): Shape | true | undefined {
  if (Array.isArray(value)) return shape;
  return shape !== undefined && Object.hasOwn(shape, key) ? shape[key] : undefined;
}

function put({ value, key }: Frame, child: unknown): void {
  if (!Array.isArray(value)) value[key] = child;
  else if (value.length < MOST_ITEMS) value.push(child);
}
