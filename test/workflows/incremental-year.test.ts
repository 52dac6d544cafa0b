import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Connection } from '@temporalio/client';
import { Client } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { ExportFailure, startExport } from '../../src/client.ts';
import type { ExportReport, ExportRequest } from '../../src/contract.ts';
import { LIMITS } from '../../src/policy/limits.ts';
import { lastMarkOf } from '../../src/policy/mark.ts';
import type { Change, ChangingServer, Trouble } from '../support/changing-server.ts';
import { latestChanges, startChangingServer } from '../support/changing-server.ts';
import { seededRandom } from '../support/random.ts';
import type { Stack } from '../support/stack.ts';
import { serverEntry, startStack } from '../support/stack.ts';
import { startTimeSkippingServer } from './time-skipping.ts';

const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;
/** A year takes minutes, and is asked for by hand: INCREMENTAL_DAYS=365. */
const DAYS = Number(process.env['INCREMENTAL_DAYS'] ?? 20);

const REQUEST: ExportRequest = { server: 'a', level: 'system', incremental: {} };

/** How often each trouble comes, in a hundred exports. */
const TROUBLES: readonly [Trouble, number][] = [
  ['issues', 8],
  ['rejected', 5],
  ['lostFile', 5],
  ['noTime', 3],
  ['oddTime', 3],
  ['timeAhead', 3],
  ['timeBack', 3],
];

// The test server has no schedules, and gives a workflow no last result. So the first activity is given it here. That a
// workflow is given it, and gives it on, show incremental.test.ts and export-schedule.test.ts on the real server.
describe.skipIf(inject('testServer') === '')('an export every day', () => {
  let stack: Stack;
  let server: ChangingServer;
  let last: ExportReport | undefined;
  beforeAll(async () => {
    stack = await startStack({
      temporal: await startTimeSkippingServer((type, args) =>
        type === 'openExport' && last !== undefined ? [{ ...(args[0] as object), last: lastMarkOf(last) }] : args,
      ),
      servers: {},
      workers: false,
      limits: LIMITS,
    });
    server = await startChangingServer();
    stack.config.servers['a'] = serverEntry(server.origin);
    await stack.startWorkers();
  });
  afterAll(async () => {
    await stack?.close();
    await server?.close();
  });

  /** Lets the time of the server go on. */
  async function skip(seconds: number): Promise<void> {
    await (stack.client.connection as Connection).testService?.unlockTimeSkippingWithSleep({
      duration: { seconds } as object,
    });
  }

  /** Goes to the next slot; those that have passed while an export ran are left out, as by a schedule that skips them. */
  async function untilSlot(begin: number): Promise<void> {
    const { time } = (await (stack.client.connection as Connection).testService?.getCurrentTime({})) ?? {};
    const now = 1000 * Number(time?.seconds);
    const seconds = Math.ceil((DAY - ((now - begin) % DAY)) / 1000);
    await skip(seconds);
    vi.setSystemTime(now + 1000 * seconds);
  }

  /** @returns its report, if it was complete */
  async function exportOnce(workflowId: string, request: ExportRequest): Promise<ExportReport | undefined> {
    // Waiting for the result by the client of the test server would let years pass after the end.
    const { connection } = stack.client;
    const run = { isOver: false };
    const ended = (await startExport(new Client({ connection }), request, { workflowId }))
      .result()
      .catch((error: unknown) => {
        if (error instanceof ExportFailure) return undefined;
        throw error;
      })
      .finally(() => (run.isOver = true));
    while (!run.isOver) await skip(1800);
    return ended;
  }

  test('brings all that there is, whatever goes wrong', { timeout: 120_000 + 10_000 * DAYS }, async () => {
    const random = seededRandom(DAYS);
    const begin = Date.now();
    server.changes = someChanges(random, begin - 30 * DAY, begin + (DAYS + 30) * DAY);
    let trouble: Trouble = 'none';
    const isDown = (now: number): boolean => Math.abs(now - begin - (DAYS * DAY) / 2) < 1.4 * DAY;
    server.trouble = (now) => (isDown(now) ? 'down' : trouble);

    const copy = new Map<string, number>();
    let mark: string | null | undefined;
    let wasOther = false;
    for (let number = 0; Date.now() < begin + DAYS * DAY; number++) {
      await untilSlot(begin);
      trouble = number === 0 ? 'issues' : oneOf(TROUBLES, 100 * random());
      // As when the request of a schedule is changed.
      const isOther = Date.now() > begin + 0.7 * DAYS * DAY;
      if (isOther && !wasOther) mark = null;
      const before = server.asked.length;
      const request = isOther ? { ...REQUEST, parameters: { _type: 'Basic' } } : REQUEST;
      const report = await exportOnce(`day-${number}`, request);

      const [asked = { since: mark ?? undefined, trouble: 'down' as const }, ...more] = server.asked.slice(before);
      expect(more).toEqual([]);
      // It follows from the last one that was complete, and from nothing else.
      expect(asked.since).toBe(mark ?? undefined);
      expect(report === undefined).toBe(['down', 'rejected', 'lostFile'].includes(asked.trouble));
      if (report === undefined) continue;
      last = report;
      mark = report.mark;
      wasOther = isOther;
      await follow(copy, report);
      expectKnown(copy, server.changes, Date.parse(mark ?? ''));
    }
    expect(wasOther).toBe(true);

    trouble = 'none';
    await untilSlot(begin);
    const atEnd = await exportOnce('at-the-end', { ...REQUEST, parameters: { _type: 'Basic' } });
    await follow(copy, atEnd as ExportReport);
    const truth = latestChanges(server.changes, Date.parse(atEnd?.transactionTime ?? ''));
    const there = [...truth.values()].filter(({ isDeletion }) => !isDeletion);
    expect(copy).toEqual(new Map(there.map(({ id, at }) => [id, at])));
  });
});

/** Some ten a day, of forty resources that come and go. */
function someChanges(random: () => number, from: number, to: number): Change[] {
  const changes: Change[] = [];
  for (let at = from; at < to; at += 5 * HOUR * random()) {
    changes.push({ at: Math.floor(at), id: `b${Math.floor(40 * random())}`, isDeletion: random() < 0.25 });
  }
  return changes;
}

function oneOf(choices: readonly [Trouble, number][], number: number): Trouble {
  let left = number;
  return choices.find(([, often]) => (left -= often) < 0)?.[0] ?? 'none';
}

/** Takes an export's data into a copy: ids and their versions. */
async function follow(copy: Map<string, number>, { location, since }: ExportReport): Promise<void> {
  // All data: what is not there has been deleted.
  if (since === undefined) copy.clear();
  for (const line of await linesOf(location, 'deletions.ndjson')) copy.delete((line as { id: string }).id);
  for (const line of await linesOf(location, 'Basic.00001.ndjson')) {
    const { id, meta } = line as { id: string; meta: { versionId: string } };
    copy.set(id, Number(meta.versionId));
  }
}

async function linesOf(location: string, name: string): Promise<unknown[]> {
  const text = await readFile(join(location, name), 'utf8').catch(() => '');
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as unknown);
}

/** The copy has all that was changed up to the mark, or what became of it since. */
function expectKnown(copy: ReadonlyMap<string, number>, changes: readonly Change[], mark: number): void {
  const later = changes.filter(({ at }) => at > mark && at <= Date.now());
  for (const [id, change] of latestChanges(changes, mark)) {
    const states = [change, ...later.filter((one) => one.id === id)];
    expect(states.map(({ isDeletion, at }) => (isDeletion ? undefined : at))).toContain(copy.get(id));
  }
}
