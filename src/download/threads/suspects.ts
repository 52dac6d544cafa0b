import type { FileOrder } from './messages.ts';

/** Files that are remembered. */
const MOST = 1000;

/** Files during which a thread ended. */
export class Suspects {
  readonly #keys = new Set<string>();

  has(order: FileOrder): boolean {
    return this.#keys.has(keyOf(order));
  }

  /** The oldest one is forgotten when there are many: it may have come elsewhere. */
  add(order: FileOrder): void {
    this.delete(order);
    this.#keys.add(keyOf(order));
    const [oldest] = this.#keys;
    if (oldest !== undefined && this.#keys.size > MOST) this.#keys.delete(oldest);
  }

  delete(order: FileOrder): void {
    this.#keys.delete(keyOf(order));
  }
}

function keyOf({ destination, path, label }: FileOrder): string {
  return `${destination}/${path}/${label}`;
}
