import { MessageChannel } from 'node:worker_threads';
import { expect, onTestFinished, test } from 'vitest';
import { WakingLimit } from '../../../src/download/threads/waking-limit.ts';

/** A limit of 100 ms, and whether it has passed. */
function limit(onStep?: () => void): { limit: WakingLimit; passed: () => number } {
  let passed = 0;
  const started = new WakingLimit(100, () => void passed++, onStep);
  onTestFinished(() => started.end());
  return { limit: started, passed: () => passed };
}

function beBusy(milliseconds: number): void {
  for (const end = Date.now() + milliseconds; Date.now() < end;);
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('a limit passes once', async () => {
  const { passed } = limit();
  await expect.poll(passed).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(passed()).toBe(1);
});

test('what came while this thread was busy for longer than the limit is heard, and the time does not count', async () => {
  const { limit: started, passed } = limit();
  const { port1, port2 } = new MessageChannel();
  onTestFinished(() => port1.close());
  port1.on('message', () => started.end());
  await turn();
  port2.postMessage('here');
  beBusy(300);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(passed()).toBe(0);
});

test('time in which this thread was busy counts for one step', async () => {
  const { passed } = limit();
  for (let step = 0; step < 5; step++) {
    beBusy(120);
    await new Promise((resolve) => setTimeout(resolve, 0));
    await turn();
  }
  expect(passed()).toBe(0);
});

test('a limit that is restarted at each step never passes, and one that has ended does not', async () => {
  let steps = 0;
  const { limit: one, passed } = limit(() => {
    steps++;
    one.restart();
  });
  await expect.poll(() => steps, { timeout: 5000 }).toBeGreaterThan(20);
  one.end();
  const { limit: other, passed: otherPassed } = limit();
  other.end();
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect([passed(), otherPassed()]).toEqual([0, 0]);
});
