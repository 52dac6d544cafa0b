import { expect, test } from 'vitest';
import { attachmentFiles } from '../../src/workflows/file-set.ts';
import { newDownloads } from '../../src/workflows/state.ts';

test('batches of attachments in flight are counted: the gate is told of them', () => {
  const run = { attachmentBatches: 0 };
  const state = { first: 0, end: 1, downloads: newDownloads(0, 1, 0), tokenIsGood: false };
  const files = attachmentFiles(run, state);
  files.running(2);
  files.running(-1);
  expect(run.attachmentBatches).toBe(1);
});
