import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Fault, SampleServer } from '../../dev/sample-server/index.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

let stack: Stack;
let hospital: SampleServer;

beforeAll(async () => {
  stack = await startStack({
    servers: {
      hospital: { patients: 20, linesPerFile: 50, pollsUntilReady: 0, retryAfter: '1' },
      plain: { patients: 20, linesPerFile: 50, pollsUntilReady: 0, retryAfter: '1', gzip: false },
      bare: { version: 4, countInManifest: false, fileSizeInManifest: false, patients: 10, pollsUntilReady: 0 },
    },
    timeouts: { headers: 700, body: 700 },
  });
  hospital = stack.servers['hospital'] as SampleServer;
});
afterAll(() => stack.close());
beforeEach(() => {
  for (const server of Object.values(stack.servers)) {
    server.journal.length = 0;
    server.faults.clear();
  }
});

const files = (server = hospital) => server.journal.filter(({ route }) => route === 'file');

const answer = (status: number, body = '', headers: Record<string, string> = {}) =>
  ({ kind: 'answer', status, body, headers }) as const;

/** Requests for each file, by the path of its URL. */
function requestsPerFile(server = hospital): number[] {
  const counts = new Map<string, number>();
  for (const { url } of files(server)) {
    const path = url.replace(/\?.*/, '');
    counts.set(path, (counts.get(path) ?? 0) + 1);
  }
  return [...counts.values()];
}

describe('a file that stays wrong fails the run, and the others are whole', () => {
  test.each([
    [
      'a wrong count',
      { kind: 'transformFile', transform: (body: Buffer) => body.subarray(body.indexOf('\n') + 1) },
      3,
      /resources came, the manifest's count is/,
    ],
    ['a page', answer(200, '<html/>'), 3, /a page/],
    ['404', answer(404), 3, /HTTP 404/],
    ['400', answer(400), 1, /HTTP 400/],
    ['500', answer(500), 3, /HTTP 500/],
  ] as const)('%s', async (_, fault, requests, detail) => {
    hospital.faults.add({
      route: 'file',
      match: ({ url }) => url.includes('Condition'),
      times: Infinity,
      do: fault,
    });
    const started = await stack.start({ destination: { path: `bad-${requests}-${_.replaceAll(' ', '-')}` } });
    await expect(started.result()).rejects.toMatchObject({
      cause: { type: 'IncompleteExport', message: expect.stringMatching(detail) },
    });
    const location = join(stack.folder, `bad-${requests}-${_.replaceAll(' ', '-')}`);
    const names = await readdir(location);
    expect(names).not.toContain('manifest.json');
    expect(names).toContain('Patient.00001.ndjson');
    expect(names.filter((name) => name.startsWith('Condition'))).toEqual([]);
    const missing = JSON.parse(await readFile(join(location, '.export/missing.json'), 'utf8')) as {
      name: string;
      why: string;
    }[];
    expect(missing.every(({ name, why }) => name.startsWith('Condition') && detail.test(why))).toBe(true);
    expect(hospital.journal.filter(({ route }) => route === 'delete')).toHaveLength(0);
    expect(Math.min(...requestsPerFile().filter((count) => count > 1 || requests === 1))).toBeGreaterThanOrEqual(
      requests === 1 ? 1 : 2,
    );

    // The same request with the same path goes on where it was.
    hospital.faults.clear();
    hospital.journal.length = 0;
    const report = await stack.run({ destination: { path: location.slice(stack.folder.length + 1) } });
    expect(report.warnings).toEqual([]);
    await expectExactFiles(report.location, hospital);
    expect(files().every(({ url }) => url.includes('Condition'))).toBe(true);
    expect(hospital.journal.filter(({ route }) => route === 'kickOff')).toHaveLength(0);
  });
});

test('a finished file that somebody removed is fetched again by the run that goes on', async () => {
  const request = { destination: { path: 'removed' } };
  const isCondition = ({ url }: { url: string }): boolean => url.includes('Condition');
  hospital.faults.add({ route: 'file', match: isCondition, times: Infinity, do: answer(400) });
  expect(await stack.fail(request)).toMatchObject({ code: 'IncompleteExport' });
  await rm(join(stack.folder, 'removed/Patient.00001.ndjson'));
  hospital.faults.clear();
  hospital.journal.length = 0;
  const report = await stack.run(request);
  await expectExactFiles(report.location, hospital);
  expect(
    files()
      .filter((entry) => !isCondition(entry))
      .map(({ url }) => url),
  ).toEqual([expect.stringContaining('Patient.1.')]);
});

test.each([
  ['cut at a line', (content: Buffer) => content.subarray(0, content.indexOf('\n', content.length / 3) + 1)],
  ['emptied', () => Buffer.alloc(0)],
])('a finished file that was %s is fetched again by the run that goes on', async (what, change) => {
  const path = what.replaceAll(' ', '-');
  const request = { server: 'bare', destination: { path } };
  const bare = stack.servers['bare'] as SampleServer;
  const isCondition = ({ url }: { url: string }): boolean => url.includes('Condition');
  bare.faults.add({ route: 'file', match: isCondition, times: Infinity, do: answer(400) });
  expect(await stack.fail(request)).toMatchObject({ code: 'IncompleteExport' });
  const patients = join(stack.folder, path, 'Patient.00001.ndjson');
  await writeFile(patients, change(await readFile(patients)));
  bare.faults.clear();
  bare.journal.length = 0;
  const report = await stack.run(request);
  await expectExactFiles(report.location, bare);
  const others = files(bare).filter((entry) => !isCondition(entry));
  expect(others.map(({ url }) => url)).toEqual([expect.stringContaining('Patient.1.')]);
});

describe('a file is not fetched for ever from a server that sends a strong ETag', () => {
  const transform = (body: Buffer) =>
    body.toString().replaceAll('"resourceType":"Condition"', '"resourceType":"Basic"');
  const wrong: Fault = { kind: 'transformFile', transform };
  const isFirst = ({ url }: { url: string }): boolean => url.includes('Condition.1.');

  async function failed(): Promise<number> {
    const { code } = await stack.fail({ server: 'plain' });
    expect(code).toBe('IncompleteExport');
    return files(stack.servers['plain']).filter(isFirst).length;
  }

  test('when its content stays wrong', async () => {
    stack.servers['plain']?.faults.add({ route: 'file', match: isFirst, times: Infinity, do: wrong });
    expect(await failed()).toBe(3);
  });

  test('when transfers that break off come between', async () => {
    const { faults } = stack.servers['plain'] as SampleServer;
    // Seen at the end only, when the transfer has been resumed.
    const short: Fault = { kind: 'transformFile', transform: (body) => body.subarray(body.indexOf('\n') + 1) };
    faults.add({ route: 'file', match: isFirst, times: Infinity, do: short });
    let requests = 0;
    const breaks = (entry: { url: string }): boolean => isFirst(entry) && requests++ % 2 === 0;
    faults.add({ route: 'file', match: breaks, times: Infinity, do: { kind: 'breakBody', afterBytes: 3000 } });
    expect(await failed()).toBe(6);
  });

  test('when each transfer brings a few bytes', async () => {
    const few: Fault = { kind: 'breakBody', afterBytes: 20 };
    stack.servers['plain']?.faults.add({ route: 'file', match: isFirst, times: Infinity, do: few });
    const requests = await failed();
    // For the time that an outage may last, with growing pauses.
    expect(requests).toBeGreaterThan(3);
    expect(requests).toBeLessThan(30);
  });
});

test('counts that the manifest does not give are not missed', async () => {
  await expectExactFiles((await stack.run({ server: 'bare' })).location, stack.servers['bare'] as SampleServer);
});
