import { createContext, runInContext } from 'node:vm';
import { expect, test } from 'vitest';
import { within } from './simulate/within.ts';

const inSandbox = (code: string): unknown => runInContext(code, createContext({}, { microtaskMode: 'afterEvaluate' }));

test.each([
  ['a loop', 'for (;;);'],
  ['promises that are followed by promises', '(async () => { for (;;) await undefined; })()'],
  ['a loop that catches all', 'for (;;) { try { for (;;); } catch {} }'],
])('%s in a sandbox ends when time is up', (_name, code) => {
  expect(() => within(50, () => inSandbox(code))).toThrow('timed out');
  expect(within(1000, () => inSandbox('1 + 1'))).toBe(2);
});

test('what ends in time gives its result or its error', async () => {
  expect(await within(1000, async () => 'done')).toBe('done');
  const broken = () => {
    throw new RangeError('broken');
  };
  expect(() => within(1000, broken)).toThrow(RangeError);
});
