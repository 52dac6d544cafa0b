import type { Evidence } from './oracle/evidence.ts';

/** How many cases ended how. */
export class Tally {
  readonly #endings = new Map<string, number>();

  add({ ending }: Evidence): void {
    const name = ending.kind === 'failed' ? ending.code : ending.kind;
    this.#endings.set(name, (this.#endings.get(name) ?? 0) + 1);
  }

  endings(): string[] {
    return [...this.#endings.keys()];
  }

  /** Of all cases, those that ended so. */
  share(ending: string): number {
    const all = [...this.#endings.values()].reduce((sum, times) => sum + times, 0);
    return (this.#endings.get(ending) ?? 0) / all;
  }

  describe(): string {
    return [...this.#endings].map(([name, times]) => `${times} ${name}`).join(', ');
  }
}
