import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Stack } from './support/stack.ts';
import { startStack } from './support/stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack.close());

test('system export', async () => {
  const report = await stack.run({});
  console.log(report);
  expect(report.files).toBeGreaterThan(0);
});
