import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { slotsOf } from './gates.ts';

/** Milliseconds between two looks; while Temporal or all workers are away there is none. */
const EVERY = 500;

/**
 * Watches a gate: whether it ever says that more exports hold slots than there are, and for how long it keeps the slot of an
 * export that is over. Only time in which the gate answers counts: while nobody works, nobody can find out.
 */
export class LeaseWatch {
  readonly #over = new Set<string>();
  /** Milliseconds for which the slot of an export was lost, so far. */
  readonly #lost = new Map<string, number>();
  readonly #watching: Promise<void>;
  #looks = 0;
  #most = 0;
  #isEnding = false;

  constructor(client: Client, server: string, slots: number) {
    this.#watching = this.#watch(client, server, slots);
  }

  /** An export has ended; whatever it has of the gate is lost until that finds out. */
  isOver(workflowId: string): void {
    this.#over.add(workflowId);
  }

  /** @returns `most` exports that held slots at once; `longestLoss` in milliseconds */
  async end(): Promise<{ looks: number; most: number; longestLoss: number }> {
    this.#isEnding = true;
    await this.#watching;
    return { looks: this.#looks, most: this.#most, longestLoss: Math.max(0, ...this.#lost.values()) };
  }

  async #watch(client: Client, server: string, slots: number): Promise<void> {
    let before = Date.now();
    while (!this.#isEnding) {
      await sleep(EVERY);
      const held = await slotsOf(client, server).then(
        (report) => report.held,
        () => undefined,
      );
      const now = Date.now();
      if (held !== undefined) {
        this.#looks++;
        this.#most = Math.max(this.#most, held.count);
        for (const { workflowId } of held.exports.slice(0, slots + 1)) {
          if (!this.#over.has(workflowId)) continue;
          this.#lost.set(workflowId, (this.#lost.get(workflowId) ?? 0) + Math.min(now - before, 2 * EVERY));
        }
      }
      before = now;
    }
  }
}
