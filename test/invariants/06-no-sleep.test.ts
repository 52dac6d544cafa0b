import { readFile, readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const SOURCE = fileURLToPath(new URL('../../src', import.meta.url));

/** What may wait or be done again by the clock, and why it is no step of an export. */
const ALLOWED = new Set([
  // Heartbeats.
  'activities/run-activity.ts',
  // The process waits for Temporal, and a person at a terminal for an answer.
  'process/connect-patiently.ts',
  'cli/check/run-check.ts',
  // A client in another process looks at an export again, or asks a run whose worker is being replaced.
  'client/ask.ts',
  'client/follow.ts',
  // The command waits for other processes: its Temporal server, its locks, an export that it shows.
  'temporal-server/embedded.ts',
  'temporal-server/guard.ts',
  'temporal-server/server.ts',
  'programs/tool.ts',
  'process/user-lock.ts',
  'cli/export/follow.ts',
  'cli/schedule/trigger.ts',
  // A limit of finding out why Temporal does not answer.
  'cli/why-unreachable.ts',
  // Limits of what a probe waits for, the time between two looks, and what a worker waits for its last spans.
  'telemetry/health.ts',
  'telemetry/space-watch.ts',
  'telemetry/attention-watch.ts',
  'telemetry/oldest-jobs.ts',
  'telemetry/traces-exporter.ts',
  // A thread that is idle ends, and one that does not answer is given up: limits, which no step waits for.
  'download/threads/pool.ts',
  'download/threads/waking-limit.ts',
  'storage/directory/file-thread.ts',
  // A limit of the proxy's answer.
  'storage/s3/tunnel-agent.ts',
  // A limit of looking up a name.
  'http/proxied-names.ts',
]);

describe('invariant 6: every wait is a Temporal timer', () => {
  test('no code that an activity runs can sleep: there is no timer of Node in it', async () => {
    const names = (await readdir(SOURCE, { recursive: true })).filter((name) => name.endsWith('.ts'));
    expect(names.length).toBeGreaterThan(100);
    const found: string[] = [];
    for (const name of names) {
      const text = await readFile(join(SOURCE, name), 'utf8');
      if (/\bsetTimeout\(|\bsetInterval\(|timers\/promises|Atomics\.wait/.test(text)) found.push(relative('.', name));
    }
    expect(found.filter((name) => !ALLOWED.has(name))).toEqual([]);
  });
});
