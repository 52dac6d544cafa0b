import type { EventEmitter } from 'node:events';
import { expect, test, vi } from 'vitest';
import { FileThread } from '../../../src/storage/directory/file-thread.ts';

const started = vi.hoisted((): EventEmitter[] => []);

/** In place of threads: what they tell comes when the test says so. */
vi.mock('node:worker_threads', async () => {
  const { EventEmitter } = await import('node:events');
  class Worker extends EventEmitter {
    constructor() {
      super();
      started.push(this);
    }
    ref(): void {}
    unref(): void {}
    async terminate(): Promise<void> {}
  }
  return { Worker, isMainThread: true };
});

test('what a thread that has failed had still to say does not count', () => {
  const thread = new FileThread();
  for (let step = 0; step < 50; step++) expect(thread.forStep()).toBeUndefined();
  expect(started).toHaveLength(1);
  started[0]?.emit('error', new Error('failed'));
  started[0]?.emit('message', 'ready');
  expect(thread.forStep()).toBeUndefined();
});
