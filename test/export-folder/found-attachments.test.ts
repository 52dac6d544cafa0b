import { expect, test } from 'vitest';
import { FoundAttachments } from '../../src/export-folder/found-attachments.ts';
import { describeEachKind, folder } from '../storage/each-kind.ts';

const SIGNAL = new AbortController().signal;

/** Searches files in one activity, as their numbers of attachments say. */
async function search(counts: Record<number, number>): Promise<void> {
  const found = new FoundAttachments(folder);
  for (const [file, count] of Object.entries(counts)) {
    const writer = found.write(Number(file));
    for (let n = 0; n < count; n++) await writer.add({ resource: `Media/${file}`, element: 'content', url: String(n) });
    await writer.publish();
    await writer.discard();
  }
}

async function resources(): Promise<string[]> {
  const all: string[] = [];
  for await (const { resource } of new FoundAttachments(folder).all(SIGNAL)) all.push(resource);
  return all;
}

describeEachKind('attachments that were found', () => {
  test('are those of the latest search of each file, also when it finds none', async () => {
    await search({ 0: 2, 1: 1, 2: 1 });
    expect(await resources()).toEqual(['Media/0', 'Media/0', 'Media/1', 'Media/2']);
    await search({ 0: 1, 1: 0, 3: 0 });
    expect(await resources()).toEqual(['Media/0', 'Media/2']);
  });
});
