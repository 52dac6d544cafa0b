/** Files of the manifest's `error`, `outcome` and `deleted`, and the lines of all files, from a server of their own. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ExportReport, ExportRequest } from '../../src/contract.ts';
import { ExportError, WARNINGS } from '../../src/errors.ts';
import { ExportFolder } from '../../src/export-folder/export-folder.ts';
import type { GivenServer } from '../support/given-server.ts';
import { givenPage, startGivenServer } from '../support/given-server.ts';
import { findSecrets } from '../support/secret-scan.ts';
import { SHORT_LIMITS } from '../support/short-limits.ts';
import type { Stack } from '../support/stack.ts';
import { failureOf, quiet, serverEntry, startStack } from '../support/stack.ts';

let stack: Stack;
let given: GivenServer;

beforeAll(async () => {
  quiet();
  given = await startGivenServer();
  stack = await startStack({
    servers: {},
    workers: false,
    limits: { ...SHORT_LIMITS, manifestPages: 20, manifestFiles: 30 },
  });
  stack.config.servers['given'] = serverEntry(given.origin);
  stack.config.servers['strict'] = serverEntry(given.origin, { checks: 'full' });
  await stack.startWorkers();
});
afterAll(async () => {
  await stack.close();
  await given.close();
});
beforeEach(() => {
  given.pages = [];
  given.pagesForEver = false;
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

/** What a failed export says, and all that its history holds. */
async function fail(request: Partial<ExportRequest>): Promise<{ code: string; message: string; history: string }> {
  const started = await stack.start(request);
  const failure = await failureOf(started.result());
  const history = await started.handle.fetchHistory();
  return { ...failure, history: JSON.stringify(history) };
}

describe('a line of a message file that is not JSON', () => {
  test.each([
    ['error', 'error', '{"resourceType":"OperationOutcome","issue":[{"diagnostics":Mrs Secret}]}\n'],
    ['outcome', 'error', '{"resourceType":"OperationOutcome","issue":[]}{"resourceType":"OperationOutcome"}\n'],
    ['deleted', 'deleted', '{"resourceType":"Bundle","entry":[{"fullUrl":Mrs Secret}]}\n'],
  ])('in %s is given up after 3 fetches, and quoted nowhere', async (array, folder, line) => {
    given.pages = [givenPage({ [array]: [{ url: '/file' }] })];
    given.files = { file: `\n${line}` };
    const { code, message, history } = await fail({ server: 'given' });
    expect(code).toBe('IncompleteExport');
    expect(message).toMatch(new RegExp(`${folder}/\\w+.00001.ndjson \\(line 2 is not JSON\\)`));
    expect(given.asked).toHaveLength(3);
    expect(findSecrets(history, ['Secret'])).toEqual([]);
  });
});

describe('two resources on one line', () => {
  const line = (id: string): string => `{"resourceType":"Patient","id":"${id}","text":"}{"}`;

  test('are a fault of the file, although there is no count', async () => {
    given.pages = [givenPage({ output: [{ type: 'Patient', url: '/patients' }] })];
    given.files = { patients: `${line('1')}\n${line('2')}${line('3')}\n${line('4')}\n` };
    const { code, message } = await fail({ server: 'given' });
    expect([code, message]).toEqual(['IncompleteExport', expect.stringContaining('line 2 is not JSON')]);
    given.files['patients'] = `${line('1')}\n${line('2')}\n${line('3')}\n`;
    expect(await run()).toMatchObject({ resources: 3, fetchedAgain: {} });
  });
});

test('with `checks: full` every line is parsed', async () => {
  given.pages = [givenPage({ output: [{ type: 'Patient', url: '/patients' }] })];
  given.files = { patients: '{"resourceType":"Patient","id":1,}\n' };
  expect(await run()).toMatchObject({ resources: 1 });
  expect(await fail({ server: 'strict' })).toMatchObject({
    code: 'IncompleteExport',
    message: expect.stringContaining('line 1 is not JSON') as string,
  });
});

describe('lines that are too long to be held, in a whole export', () => {
  const filler = 'x'.repeat(17 * 2 ** 20);

  test('of an error file: its issues are counted', async () => {
    given.pages = [givenPage({ error: [{ url: '/error' }] })];
    const issue = [{ severity: 'error', code: 'processing', diagnostics: filler }, { severity: 'fatal' }];
    given.files = { error: `${JSON.stringify({ resourceType: 'OperationOutcome', issue })}\n` };
    expect((await run()).issues).toEqual([
      { severity: 'error', code: 'processing', count: 1 },
      { severity: 'fatal', code: 'unknown', count: 1 },
    ]);
  });

  test('of a data file: their attachments are fetched; a line that is not JSON is named in the index', async () => {
    const content = [{ attachment: { url: '/note', contentType: 'text/plain' } }];
    const line = JSON.stringify({ text: filler, content, resourceType: 'DocumentReference', id: 'long' });
    const broken = '{"resourceType":"DocumentReference","id":"broken",,"url":"Mrs Secret"}';
    given.pages = [givenPage({ output: [{ type: 'DocumentReference', url: '/documents' }] })];
    given.files = { documents: `${line}\n${broken}\n`, note: 'a note' };
    const report = await stack.run({ server: 'given', attachments: 'download' });
    expect(report.attachments).toEqual({ files: 1, bytes: 6, missing: 1 });
    const index = await readFile(join(report.location, 'attachments/index.ndjson'), 'utf8');
    const lines = index
      .trim()
      .split('\n')
      .map((one) => JSON.parse(one) as unknown);
    expect(lines).toMatchObject([
      { resource: 'DocumentReference/long', element: 'content[0].attachment', url: '/note', bytes: 6 },
      { resource: 'a line that cannot be searched: line 2 is not JSON', missing: 'not searched' },
    ]);
    expect(index).not.toContain('Secret');
  });
});

test('an error of settling that nobody foresaw ends the run with its place, and quotes nothing', async () => {
  given.pages = [givenPage({ error: [{ url: '/error' }] })];
  const path = 'unforeseen';
  given.files = {
    error: async () => {
      const folder = join(stack.folder, path, '.export/receipts/00000');
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, '0-0.other.json'), '[null]');
      return outcome('warning', 'x');
    },
  };
  const { code, message } = await fail({ server: 'given', destination: { path } });
  expect([code, message]).toEqual([
    'DestinationFailed',
    `DestinationFailed: ${join(stack.folder, path)} cannot be worked on: TypeError`,
  ]);
});

test('a document of ours that is damaged ends the run, and quotes nothing', async () => {
  given.pages = [givenPage({ error: [{ url: '/error' }] })];
  const path = 'damaged';
  given.files = {
    error: async () => {
      await writeFile(join(stack.folder, path, '.export/entries/00000.json'), '[{"url":"https://a.example?sig=Secret');
      return outcome('warning', 'x');
    },
  };
  const { code, message, history } = await fail({ server: 'given', destination: { path } });
  expect([code, message]).toEqual([
    'DestinationFailed',
    expect.stringContaining('.export/entries/00000.json is damaged: it is not JSON'),
  ]);
  expect(findSecrets(history, ['Secret'])).toEqual([]);
});

test('a list of the files that has lost some is made again, and not taken for a shorter one', async () => {
  given.pages = [givenPage({ error: [{ url: '/error' }] })];
  const path = 'shorter';
  given.files = {
    error: async () => {
      await writeFile(join(stack.folder, path, '.export/entries/00000.json'), '[]');
      return outcome('warning', 'x');
    },
  };
  const { issues } = await stack.run({ server: 'given', destination: { path } });
  expect(issues).toMatchObject([{ severity: 'warning', count: 1 }]);
});

describe('an export is complete when its manifest is there,', () => {
  const outage = Object.assign(new Error('stale'), { code: 'ESTALE' });
  beforeEach(() => {
    given.pages = [givenPage({ output: [{ type: 'Patient', url: '/patients' }] })];
    given.files = { patients: '{"resourceType":"Patient","id":"1"}\n' };
  });
  afterEach(() => vi.restoreAllMocks());

  test('also where what it has left cannot be removed', async () => {
    const refusal = new ExportError('DestinationFailed', 'no right to remove');
    vi.spyOn(ExportFolder.prototype, 'removeTraces').mockRejectedValue(refusal);
    const { status, warnings } = await run();
    expect([status, warnings]).toEqual([
      'complete',
      [{ code: 'TracesLeft', message: `${WARNINGS.TracesLeft} (no right to remove)` }],
    ]);
  });

  test('and what passes is tried again', async () => {
    const removing = vi.spyOn(ExportFolder.prototype, 'removeTraces').mockRejectedValueOnce(outage);
    expect((await run()).warnings).toEqual([]);
    expect(removing).toHaveBeenCalledTimes(2);
  });
});

test('files with fewer bytes than the manifest says are named, though it is a hint', async () => {
  const line = '{"resourceType":"Patient","id":"1"}\n';
  const output = ['whole', 'packed', 'short'].map((url, place) => ({
    type: 'Patient',
    url: `/${url}`,
    fileSize: [line.length, line.length + 50, 5000][place],
  }));
  given.pages = [givenPage({ output })];
  given.files = { whole: line, packed: line, short: line };
  const { status, warnings } = await run();
  expect([status, warnings.map(({ code, message }) => [code, message.slice(0, 8)])]).toEqual([
    'complete',
    [['FilesSmaller', '1: Files']],
  ]);
});
