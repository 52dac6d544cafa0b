/** Seconds without a heartbeat after which a download is taken up by another worker, unless configured otherwise. */
export const HEARTBEAT_SECONDS = 10;

/**
 * How often heartbeats are sent to Temporal, and no later than this a cancellation reaches an activity: ten times within
 * the timeout, and not more often than once a second.
 *
 * @param seconds the heartbeat timeout
 * @returns milliseconds
 */
export function heartbeatInterval(seconds: number): number {
  return Math.max(1000, seconds * 100);
}
