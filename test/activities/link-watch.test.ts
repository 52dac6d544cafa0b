import { expect, test, vi } from 'vitest';
import { watchLinks } from '../../src/activities/batch/link-watch.ts';
import type { Entries } from '../../src/export-folder/entries.ts';

/** Entries whose manifest is read again while they are read. */
function readAgain(first: number, then: number): Entries {
  const summary = vi.fn().mockResolvedValueOnce({ readAt: first }).mockResolvedValue({ readAt: then });
  return { summary } as unknown as Entries;
}

test('what a link proves by working is not more than its age, and by being refused not less', async () => {
  const now = Date.now();
  const links = await watchLinks(readAgain(now - 54_000, now - 1000), { goodFor: 15_000, believed: false });
  await links.entriesWereRead();
  expect(links.age()).toBeGreaterThanOrEqual(54_000);
  expect(links.leastAge()).toBeLessThan(10_000);
});

test('nothing is proved of attachments, which are in no manifest', async () => {
  const links = await watchLinks(readAgain(1, 2), undefined);
  await links.entriesWereRead();
  expect([links.age(), links.leastAge()]).toEqual([undefined, undefined]);
});
