import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ENTRIES, ISSUES } from '../../src/export-folder/error-and-deleted-files.ts';
import { readLines } from '../../src/export-folder/read-lines.ts';
import { Deletions } from '../../src/fhir/deletions.ts';
import { openDirectory } from '../../src/storage/directory/directory.ts';

let root: string;
const signal = new AbortController().signal;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'lines-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** Writes a file of which no part larger than a block is ever in memory. */
async function write(name: string, blocks: Iterable<string>): Promise<void> {
  await pipeline(blocks, createWriteStream(join(root, name)));
}

/** Bytes that memory grows by while something is read, at most. */
async function growthOf(read: () => Promise<void>): Promise<number> {
  const memory = (): number => {
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const before = memory();
  let most = 0;
  const timer = setInterval(() => {
    most = Math.max(most, memory() - before);
  }, 5);
  await read();
  clearInterval(timer);
  return most;
}

const MB = 2 ** 20;

describe('a line of 40 MB', () => {
  test('of an OperationOutcome: every issue, in constant memory', async () => {
    const issues = (n: number): string =>
      Array.from({ length: 1000 }, (_, place) => {
        const more = { extension: [{ valueString: 'x'.repeat(100) }], expression: ['a', { severity: 'no' }] };
        const details = { coding: [{ display: `code ${n}` }], text: place % 2 === 0 ? 'even "}{"' : undefined };
        return JSON.stringify({ severity: 'error', code: 'processing', ...more, details });
      }).join(',');
    const blocks = 200;
    await write(
      'error',
      (function* () {
        yield '\n{"contained":[{"issue":[{"severity":"no"}]}],"issue":[';
        for (let n = 0; n < blocks; n++) yield `${n === 0 ? '' : ','}${issues(n)}`;
        yield '],"resourceType":"OperationOutcome"}\n{"resourceType":"OperationOutcome","issue":[{"code":"last"}]}';
      })(),
    );
    const folder = await openDirectory(root, '.');
    const texts = new Map<string, number>();
    const growth = await growthOf(async () => {
      for await (const { severity, code, text } of readLines(folder, 'error', ISSUES, signal)) {
        const key = `${severity} ${code} ${text.slice(0, 4)}`;
        texts.set(key, (texts.get(key) ?? 0) + 1);
      }
    });
    expect(Object.fromEntries(texts)).toEqual({
      'error processing even': (blocks * 1000) / 2,
      'error processing code': (blocks * 1000) / 2,
      'error last ': 1,
    });
    expect((await folder.size('error')) ?? 0).toBeGreaterThan(40 * MB);
    expect(growth).toBeLessThan(100 * MB);
  });

  test('of a Bundle of deletions, with a resource of 30 MB in it', async () => {
    const filler = 'y'.repeat(MB);
    await write(
      'deleted',
      (function* () {
        yield '{"resourceType":"Bundle","entry":[{"request":{"method":"DELETE","url":"Patient/1"},"resource":{"text":"';
        for (let n = 0; n < 40; n++) yield filler;
        yield '"}},{"resource":{"entry":[{"request":{"method":"DELETE","url":"Group/1"}}]},"request":';
        yield '{"url":"https://a.example/fhir/Patient/2","method":"DELETE"}},{"request":{"method":"PUT","url":"Patient/3"}}]}\n';
      })(),
    );
    const folder = await openDirectory(root, '.');
    const deletions = new Deletions();
    const growth = await growthOf(async () => {
      for await (const entry of readLines(folder, 'deleted', ENTRIES, signal)) deletions.add(entry);
    });
    expect(deletions.counts()).toEqual({ Patient: 2, unknown: 1 });
    expect(growth).toBeLessThan(100 * MB);
  });
});

test.each([
  ['short', 'Secret', 'line 2 is not JSON'],
  ['long', `{"a":"${'x'.repeat(17 * MB)}",Secret}`, 'line 2 is not JSON'],
  ['long and no object', `["${'x'.repeat(17 * MB)}"]`, 'line 2 is not a JSON object'],
])('a line that was changed after its checks is named and not quoted: %s', async (_, line, detail) => {
  await writeFile(join(root, 'error'), `{"resourceType":"OperationOutcome"}\n${line}\n`);
  const folder = await openDirectory(root, '.');
  const read = async (): Promise<void> => {
    for await (const issue of readLines(folder, 'error', ISSUES, signal)) expect(issue).toBeUndefined();
  };
  await expect(read()).rejects.toMatchObject({
    code: 'DestinationFailed',
    message: `${folder.location}/error was changed after it was checked: ${detail}`,
  });
});

test('lines are the same whatever their lengths', async () => {
  const lines = [10, 300_000, 17 * MB, 5, 20 * MB, 262_144].map((length, n) =>
    JSON.stringify({ resourceType: 'OperationOutcome', text: 'x'.repeat(length), issue: [{ code: String(n) }] }),
  );
  await writeFile(join(root, 'error'), `\ufeff${lines.join('\r\n \n')}`);
  const folder = await openDirectory(root, '.');
  const codes: string[] = [];
  for await (const { code } of readLines(folder, 'error', ISSUES, signal)) codes.push(code);
  expect(codes).toEqual(['0', '1', '2', '3', '4', '5']);
});
