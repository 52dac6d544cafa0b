const FIRST_WAIT = 5 * 60 * 1000;

/**
 * Milliseconds from a kick-off that may have started a job to the next one. Each of them may start one more, so the waits
 * grow fast: 5 min, 20 min, 80 min, and so on; in the 24 h that an outage may last, no more than six kick-offs are sent.
 *
 * @param doubts such kick-offs so far, from 1
 */
export function waitInDoubt(doubts: number): number {
  return FIRST_WAIT * 4 ** (doubts - 1);
}
