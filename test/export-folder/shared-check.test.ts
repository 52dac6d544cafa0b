import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { sharedCheck } from '../../src/export-folder/shared-check.ts';

/** A check whose runs end when they are told to. */
function heldCheck() {
  const runs: PromiseWithResolvers[] = [];
  const about = randomUUID();
  // As of several batches of one export.
  const check = (): Promise<void> =>
    sharedCheck(about, () => {
      const run = withResolvers();
      runs.push(run);
      return run.promise;
    })();
  return { runs, check };
}

interface PromiseWithResolvers {
  promise: Promise<void>;
  resolve(): void;
  reject(error: Error): void;
}

function withResolvers(): PromiseWithResolvers {
  let resolve = (): void => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<void>((...settle) => ([resolve, reject] = settle));
  return { promise, resolve, reject };
}

const passes = () => new Promise((resolve) => setImmediate(resolve));

test('whoever asks while a check is under way gets one that began afterwards, together with others', async () => {
  const { runs, check } = heldCheck();
  const first = check();
  const others = [check(), check(), check()];
  await passes();
  expect(runs).toHaveLength(1);
  let passed = 0;
  for (const other of others) void other.then(() => passed++);
  runs[0]?.resolve();
  await first;
  await passes();
  expect(runs).toHaveLength(2);
  expect(passed).toBe(0);
  const late = check();
  runs[1]?.resolve();
  await Promise.all(others);
  await passes();
  expect(runs).toHaveLength(3);
  runs[2]?.resolve();
  await late;
});

test('nothing is remembered: who asks later looks again', async () => {
  const { runs, check } = heldCheck();
  for (const count of [1, 2]) {
    const asked = check();
    expect(runs).toHaveLength(count);
    runs[count - 1]?.resolve();
    await asked;
  }
});

test('a failure is for those who share the check, and for nobody else', async () => {
  const { runs, check } = heldCheck();
  const first = check();
  const others = [check(), check()];
  runs[0]?.reject(new Error('taken over'));
  await expect(first).rejects.toThrow('taken over');
  await passes();
  runs[1]?.reject(new Error('taken over by now'));
  for (const other of others) await expect(other).rejects.toThrow('by now');
  const later = check();
  runs[2]?.resolve();
  await later;
});

test('checks about different things do not wait for one another', async () => {
  const [one, other] = [heldCheck(), heldCheck()];
  const asked = [one.check(), other.check()];
  expect([one.runs.length, other.runs.length]).toEqual([1, 1]);
  for (const { runs } of [one, other]) runs[0]?.resolve();
  await Promise.all(asked);
});
