import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import { runsOf } from '../support/runs.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

const FILES = 4000;
/** Most events that a thousand small files may take: ten batches, six events each, and their share of a plan. */
const EVENTS_OF_A_THOUSAND = 62;
/** Of the export otherwise, and of its first files, which are fetched alone. */
const EVENTS_OF_ALL_ELSE = 100;
/** Milliseconds; a tenth of it when nothing else runs. */
const LIMIT = 240_000;

let stack: Stack;
let hospital: SampleServer;

beforeAll(async () => {
  stack = await startStack({
    servers: { hospital: { patients: 170, linesPerFile: 1, pollsUntilReady: 1, retryAfter: '1', gzip: false } },
    entries: { hospital: { maxConcurrentDownloads: 8 } },
    // The server is in this process: while it makes its files it answers nobody.
    timeouts: { headers: 60_000, body: 60_000 },
  });
  hospital = stack.servers['hospital'] as SampleServer;
});
afterAll(() => stack.close());

test(
  `an export of ${FILES} files of one line each is whole, and each is fetched once`,
  async () => {
    const report = await stack.run({}, 'many');
    expect(report.files).toBeGreaterThan(FILES);
    await expectExactFiles(report.location, hospital);
    const fetched = hospital.journal.filter(({ route }) => route === 'file');
    expect(fetched).toHaveLength(hospital.expectedFiles().length);
    expect(report.fetchedAgain).toEqual({});
    const events = (await runsOf(stack.client, 'many')).flat().length;
    expect(events).toBeLessThanOrEqual(EVENTS_OF_ALL_ELSE + (EVENTS_OF_A_THOUSAND * report.files) / 1000);
  },
  LIMIT,
);
