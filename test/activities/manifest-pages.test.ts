import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Fault, Manifest, SampleServer } from '../../dev/sample-server/index.ts';
import { operationOutcome } from '../../dev/sample-server/index.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import { SHORT_LIMITS } from '../support/short-limits.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

let stack: Stack;

beforeAll(async () => {
  const fast = { patients: 5, pollsUntilReady: 0, retryAfter: '' };
  stack = await startStack({
    servers: {
      late: { ...fast, pageSize: 4 },
      failing: { ...fast, pageSize: 4 },
      disagreeing: { ...fast, pageSize: 4 },
      cumulative: { ...fast, pageSize: 4 },
      odd: { ...fast, version: 4 },
      paged: { patients: 20, linesPerFile: 50, pollsUntilReady: 6, pageSize: 3, retryAfter: '1' },
    },
    limits: { ...SHORT_LIMITS, outage: 30_000 },
    timeouts: { headers: 700, body: 700 },
  });
});
afterAll(() => stack.close());

const server = (name: string) => stack.servers[name] as SampleServer;
const answer = (status: number, body = ''): Fault => ({ kind: 'answer', status, body, headers: {} });
const manifest = (transform: (manifest: Manifest) => unknown): Fault => ({ kind: 'transformManifest', transform });
const final = operationOutcome({ severity: 'error', code: 'processing', text: 'the job broke' });
const transient = operationOutcome({ severity: 'error', code: 'throttled', text: 'try again' });

// Each test has a server of its own, so that they can run at the same time.
test.concurrent('a further page of the manifest is asked for until it is there', async () => {
  const faults = [
    answer(202),
    answer(429),
    answer(500, transient),
    answer(502, '<html>bad gateway</html>'),
    { kind: 'drop' } as const,
  ];
  for (const [skip, fault] of faults.entries()) server('late').faults.add({ route: 'page', skip, do: fault });
  await expectExactFiles((await stack.run({ server: 'late' })).location, server('late'));
  const pages = server('late').journal.filter(({ route }) => route === 'page');
  expect(pages.map(({ status }) => status).slice(0, 6)).toEqual([202, 429, 500, 502, 0, 200]);
  expect(new Set(pages.slice(0, 6).map(({ url }) => url)).size).toBe(1);
});

test.concurrent('a further page of the manifest that fails for good ends the run', async () => {
  server('failing').faults.add({ route: 'page', do: answer(500, final) });
  expect(await stack.fail({ server: 'failing' })).toMatchObject({
    code: 'ExportFailed',
    message: expect.stringContaining('the job broke'),
  });
  expect(server('failing').journal.at(-1)?.route).toBe('delete');
});

test.concurrent('a further page of the manifest that differs in a root field earns a warning', async () => {
  const later = manifest((page) => ({ ...page, transactionTime: '2026-01-01T00:00:00Z' }));
  server('disagreeing').faults.add({ route: 'page', times: Infinity, do: later });
  const incremental = { onIssues: 'advance' } as const;
  const { transactionTime, mark, warnings } = await stack.run({ server: 'disagreeing', incremental });
  expect(transactionTime).toBe(server('disagreeing').jobs()[0]?.transactionTime);
  // Data of that page may be as old as it says.
  expect(mark).toBe('2026-01-01T00:00:00Z');
  expect(warnings.map(({ code }) => code)).toEqual(['PagesDisagree']);
});

test.concurrent('a page that repeats files of the page before it earns a warning', async () => {
  const files: Manifest['output'] = [];
  const withEarlier = (page: Manifest): Manifest => {
    const output = [...files, ...(page.output ?? [])];
    files.splice(0, files.length, ...output);
    return { ...page, output };
  };
  for (const route of ['status', 'page'] as const)
    server('cumulative').faults.add({ route, times: Infinity, do: manifest(withEarlier) });
  const { warnings } = await stack.run({ server: 'cumulative' });
  expect(warnings).toEqual([{ code: 'FilesListedTwice', message: expect.stringMatching(/ \([1-9]\d*\)$/) }]);
});

test.concurrent(
  'a manifest of another type or without a transactionTime earns a warning, a wrong fileSize none',
  async () => {
    const odd = manifest(({ output = [], ...page }) => ({
      ...page,
      manifestType: 'http://a.example/other',
      transactionTime: undefined,
      output: output.map((item) => ({ ...item, fileSize: 1 })),
    }));
    server('odd').faults.add({ route: 'status', times: Infinity, do: odd });
    const { location, warnings } = await stack.run({ server: 'odd' });
    await expectExactFiles(location, server('odd'));
    expect(warnings.map(({ code }) => code)).toEqual(['NoTransactionTime', 'UnknownManifestType']);
  },
);

test.concurrent('pages that are ready are fetched while the server still works on the others', async () => {
  const report = await stack.run({ server: 'paged', parameters: { allowPartialManifests: true } });
  await expectExactFiles(report.location, server('paged'));
  const lastInProgress = server('paged').journal.findLastIndex(
    ({ route, status }) => ['status', 'page'].includes(route) && status === 202,
  );
  expect(server('paged').journal.findIndex(({ route }) => route === 'file')).toBeLessThan(lastInProgress);
  const files = server('paged')
    .journal.filter(({ route }) => route === 'file')
    .map(({ url }) => url.replace(/\?.*/, ''));
  expect(new Set(files).size).toBe(files.length);
});
