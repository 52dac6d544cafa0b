import type { BatchQueue } from './batch-queue.ts';
import type { BatchWindow } from './batch-window.ts';
import type { LinkRenewal } from './link-renewal.ts';

/**
 * When there is something to do for downloads although no batch ends: milliseconds since the epoch; undefined when there is
 * no such time.
 *
 * @param isFull no batch may be started
 * @param changed a batch has ended
 */
export function nextTime(
  { queue, window, links }: { queue: BatchQueue; window: BatchWindow; links: LinkRenewal },
  isFull: boolean,
  changed: boolean,
): number | undefined {
  const nextFile = isFull ? undefined : queue.nextDue(window.heldUntil, !links.isUnread);
  if (links.isUnread) return Math.min(links.notBefore, links.isShut ? Infinity : (nextFile ?? Infinity));
  if (links.isWanted && !changed) return links.notBefore;
  const end = links.endIsAskedAt(queue);
  return end === undefined ? nextFile : Math.min(end, nextFile ?? Infinity);
}
