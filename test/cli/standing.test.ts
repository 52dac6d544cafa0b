import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ExportRow } from '../../src/cli/export-rows.ts';
import { describeRows, exportRows } from '../../src/cli/export-rows.ts';
import { withStanding } from '../../src/cli/standing.ts';
import type { Temporal } from '../../src/cli/temporal.ts';
import { LIMITS } from '../../src/policy/limits.ts';
import { SHORT_LIMITS } from '../support/short-limits.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({
    servers: { away: { patients: 2 }, busy: { patients: 2, pollsUntilReady: 1000 } },
    limits: { ...SHORT_LIMITS, outage: LIMITS.outage },
  });
});
afterAll(() => stack.close());

const rowsOf = async (): Promise<Record<string, ExportRow>> => {
  const rows = await withStanding(stack.client, await exportRows({ client: stack.client } as Temporal, 10));
  return Object.fromEntries(rows.map((row) => [row.workflowId, row]));
};

test('the list says of which server an export is, and which one stands still', async () => {
  stack.servers['away']?.faults.add({ route: 'status', times: Infinity, do: { kind: 'answer', status: 503 } });
  await Promise.all(['away', 'busy'].map((server) => stack.start({ server }, `of-${server}`)));
  const since = async () => (await rowsOf())['of-away']?.standsStillSince;
  await expect.poll(since, { timeout: 60_000 }).toBeDefined();
  await expect.poll(async () => (await rowsOf())['of-busy']?.phase, { timeout: 60_000 }).toBe('waiting');

  const rows = await rowsOf();
  expect(rows['of-away']).toMatchObject({ server: 'away', phase: 'waiting', trouble: expect.stringContaining('503') });
  expect(rows['of-busy']).toMatchObject({ server: 'busy', nextPollAt: expect.any(String) });
  expect(rows['of-busy']).not.toHaveProperty('standsStillSince');
  const [head = '', ...lines] = describeRows(Object.values(rows));
  expect(head).toMatch(/server +status +phase or outcome +started \(UTC\) +stands still since +took/);
  const time = rows['of-away']?.standsStillSince?.slice(0, 19).replace('T', ' ') ?? '-';
  expect(lines.find((line) => line.includes('of-away'))).toContain(time);

  // Nobody answers any more: the list says so, and does not wait for each of them.
  await stack.stopWorkers();
  const before = performance.now();
  const silent = await rowsOf();
  expect(performance.now() - before).toBeLessThan(20_000);
  expect(silent['of-away']?.unanswered).toBe('silent');
  expect(describeRows(Object.values(silent)).join('\n')).toContain('(no worker answers)');
}, 180_000);

test('a list of many exports that nobody runs takes no longer than that of some', async () => {
  const row = { status: 'running', startedAt: '2026-01-01T00:00:00.000Z' };
  const rows = Array.from({ length: 100 }, (_, index) => ({ ...row, workflowId: `${index}` }));
  let most = 0;
  let now = 0;
  // Each question lasts as long as it may.
  const client = {
    withDeadline: async (deadline: number) => {
      most = Math.max(most, (now += 1));
      await new Promise((resolve) => setTimeout(resolve, deadline - Date.now()));
      now -= 1;
      throw new Error('no answer');
    },
  } as unknown as Stack['client'];
  const before = performance.now();
  const found = await withStanding(client, [...rows, { ...row, workflowId: 'ended', status: 'completed' }], {
    all: 300,
  });
  expect(performance.now() - before).toBeLessThan(2000);
  expect(most).toBe(8);
  expect(found).toHaveLength(101);
  expect(found.filter(({ unanswered }) => unanswered === 'silent')).toHaveLength(8);
  expect(found.at(-1)).not.toHaveProperty('unanswered');
});
