import { condition } from '@temporalio/workflow';

/** What is waited for; one of the two at least. */
export interface Awaited {
  /** Milliseconds since the epoch. Default: no end. */
  until?: number | undefined;
  /** Ends the wait as soon as it is true. Default: nothing does. */
  unless?: () => boolean;
  /** For the Web UI. */
  summary?: string;
}

/**
 * The one wait of the workflow, so the one place where a wait can be ended early: a Temporal timer, or a condition
 * without one.
 *
 * @returns whether `unless` became true
 */
export async function wait({ until, unless = () => false, summary }: Awaited): Promise<boolean> {
  if (until === undefined) {
    await condition(unless);
    return true;
  }
  const delay = until - Date.now();
  if (delay <= 0) return unless();
  // Also when `unless` is true already: the timer takes a number, on which recorded histories count.
  return condition(unless, delay, summary === undefined ? {} : { summary });
}
