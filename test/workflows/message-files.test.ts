/** Files of the manifest's `error`, `outcome` and `deleted`, and the lines of all files, from a server of their own. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ExportReport } from '../../src/contract.ts';
import type { GivenServer } from '../support/given-server.ts';
import { givenPage, startGivenServer } from '../support/given-server.ts';
import type { Stack } from '../support/stack.ts';
import { serverEntry, startStack } from '../support/stack.ts';

let stack: Stack;
let given: GivenServer;

beforeAll(async () => {
  given = await startGivenServer();
  stack = await startStack({ servers: {}, workers: false });
  stack.config.servers['given'] = serverEntry(given.origin);
  await stack.startWorkers();
});
afterAll(async () => {
  await stack.close();
  await given.close();
});
beforeEach(() => {
  given.pages = [];
  given.files = {};
  given.asked = [];
});

const run = (): Promise<ExportReport> => stack.run({ server: 'given' });
const outcome = (severity: string, text: string): string =>
  `${JSON.stringify({ resourceType: 'OperationOutcome', issue: [{ severity, code: 'processing', details: { text } }] })}\n`;

describe('message files', () => {
  test('of the SMART server, whose count is that of the resources that were lost, fail nothing', async () => {
    given.pages = [givenPage({ error: [{ type: 'OperationOutcome', url: '/lost', count: 31 }] })];
    given.files = { lost: outcome('error', 'failed to export 31 resources') };
    const report = await run();
    expect(report).toMatchObject({ status: 'complete-with-issues', fetchedAgain: {} });
    expect(report.issues).toEqual([{ severity: 'error', code: 'processing', count: 1 }]);
    expect(given.asked).toEqual(['lost']);
  });

  test('of IG 4 on several pages are files of their own, also when only the query tells them apart', async () => {
    given.pages = [
      givenPage({ error: undefined, outcome: [{ url: '/outcome?page=1' }] }),
      givenPage({ error: undefined, outcome: [{ url: '/outcome?page=2' }] }),
    ];
    given.files = { outcome: outcome('warning', 'x') };
    expect((await run()).issues).toEqual([{ severity: 'warning', code: 'processing', count: 2 }]);
  });

  test('in `error` that are repeated on every page (IG 3) are fetched once', async () => {
    given.pages = [givenPage({ error: [{ url: '/errors?sig=1' }] }), givenPage({ error: [{ url: '/errors?sig=2' }] })];
    given.files = { errors: outcome('warning', 'x') };
    expect((await run()).issues).toEqual([{ severity: 'warning', code: 'processing', count: 1 }]);
    expect(given.asked).toEqual(['errors']);
  });
});
