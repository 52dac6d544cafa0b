import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { ARROW, citationReader, citationsOf, readProjectFile } from './citations.ts';

const WORD = /^(SHALL|SHALL NOT|SHOULD|SHOULD NOT|MAY|derived)( \(server\))?$/;

/** One rule of the document. */
interface Row {
  line: number;
  cells: string[];
}

function rowsOf(document: string): Row[] {
  return document
    .split('\n')
    .map((text, index) => ({ line: index + 1, cells: text.split(/(?<!\\)\|/).map((cell) => cell.trim()) }))
    .filter(({ cells }) => cells[0] === '' && cells.length > 1)
    .map(({ line, cells }) => ({ line, cells: cells.slice(1, -1) }))
    .filter(({ cells }) => cells[1] !== 'word' && !cells.every((cell) => /^:?-+:?$/.test(cell)));
}

/** What is wrong with the document; `sourceOf` gives the text of a test file, or nothing when there is no such file. */
async function faultsOf(document: string, sourceOf: (file: string) => Promise<string | undefined>): Promise<string[]> {
  const faultOf = citationReader(sourceOf);
  const faults: string[] = [];
  for (const { line, cells } of rowsOf(document)) {
    const [rule = '', word = '', version = '', how = ''] = cells;
    const add = (fault: string): unknown => faults.push(`line ${line}: ${fault}`);
    if (cells.length !== 4) add(`${cells.length} cells instead of 4`);
    if (rule === '' || version === '') add('a cell is empty');
    if (!WORD.test(word)) add(`"${word}" is no word of the table`);
    const citations = citationsOf(how);
    const rest = how.replace(/`[^`]+`/g, (span) => (span.includes(ARROW) ? '' : span)).replace(/^[;\s]+|[;\s]+$/g, '');
    if (rest === '' ? citations.length === 0 : !/^(planned|absent): \S/.test(rest))
      add('how is neither a test nor planned nor absent');
    for (const citation of citations) {
      const fault = await faultOf(citation);
      if (fault !== undefined) add(`${citation}: ${fault}`);
    }
  }
  return faults;
}

describe('docs/conformance.md', async () => {
  const document = await readFile(new URL('../../docs/conformance.md', import.meta.url), 'utf8');

  test('cites tests that exist and run, or says why there is none', async () => {
    expect(await faultsOf(document, readProjectFile)).toEqual([]);
  });

  test('has rules of every group', () => {
    const groups = document.split(/^## /m).slice(1);
    expect(groups.length).toBeGreaterThanOrEqual(10);
    for (const group of groups) expect(rowsOf(group).length, group.split('\n')[0]).toBeGreaterThan(3);
  });
});

describe('the reader finds what is wrong', () => {
  const SOURCE = `
    describe('the address', () => {
      test.each<[string, number]>([['a', 1]])('is %s', (url) => { if (/describe\\('x'/.test(url)) return; });
      it(\`of \${name} is "whole"\`, () => {});
      describe('within', () => test('deep', () => {}));
    });
    test.concurrent.each(cases)('%s %o', async () => {});
    test.skip('not now', () => {});
    test.todo('later');
    describe.skip('off', () => test('inner', () => {}));
    describe.runIf(process.env.X)('sometimes', () => { test('recorded', () => {}); });
    test.fails('broken', () => {});
    // test('in a comment', () => {});
    describe('nothing yet', () => {});
  `;
  const sources: Record<string, string> = {
    'test/a.test.ts': SOURCE,
    'test/only.test.ts': "test.only('this', () => {}); test('that', () => {});",
  };
  const faultsOfRow = (row: string): Promise<string[]> =>
    faultsOf(`# Title\n\n| rule | word | version | how |\n|---|---|---|---|\n${row}\n`, async (file) => sources[file]);
  const citing = (...citations: string[]): string =>
    `| rule | SHALL | 1+ | ${citations.map((one) => `\`${one}\``).join('; ')} |`;

  test.each([
    'test/a.test.ts › is %s',
    'test/a.test.ts › the address',
    'test/a.test.ts › the address › is %s',
    'test/a.test.ts › of ${name} is "whole"',
    'test/a.test.ts › the address › within › deep',
    'test/a.test.ts › deep',
    'test/a.test.ts › %s %o',
  ])('nothing with %s', async (citation) => {
    expect(await faultsOfRow(citing(citation))).toEqual([]);
  });

  test.each([
    ['test/b.test.ts › is %s', 'there is no such file'],
    ['test/a.test.ts › is', 'there is no such test or describe'],
    ['test/a.test.ts › in a comment', 'there is no such test or describe'],
    ['test/a.test.ts › within › is %s', 'there is no such test or describe'],
    ['test/a.test.ts › the address › deep', 'there is no such test or describe'],
    ['test/a.test.ts › nothing yet', 'there is no test in it'],
    ['test/a.test.ts › not now', 'it is skipped'],
    ['test/a.test.ts › later', 'it is skipped'],
    ['test/a.test.ts › off › inner', 'it is skipped'],
    ['test/a.test.ts › sometimes', 'it is skipped'],
    ['test/a.test.ts › broken', 'it is skipped'],
    ['test/only.test.ts › this', 'the file has an .only, so that others do not run'],
    ['test/only.test.ts › that', 'the file has an .only, so that others do not run'],
  ])('%s: %s', async (citation, fault) => {
    expect(await faultsOfRow(citing('test/a.test.ts › is %s', citation))).toEqual([`line 5: ${citation}: ${fault}`]);
  });

  test.each([
    ['| rule | SHALL | 1+ | planned: soon |', []],
    ['| a \\| b | SHOULD NOT (server) | 1+ | absent: `_x` is not sent |', []],
    [`${citing('test/a.test.ts › deep').slice(0, -2)}; planned: the rest |`, []],
    ['| rule | SHALL | 1+ | |', ['how is neither a test nor planned nor absent']],
    ['| rule | SHALL | 1+ | yes |', ['how is neither a test nor planned nor absent']],
    ['| rule | SHALL | 1+ | planned: |', ['how is neither a test nor planned nor absent']],
    ['| rule | SHALL | 1+ | `test/a.test.ts` |', ['how is neither a test nor planned nor absent']],
    ['| rule | MUST | 1+ | planned: soon |', ['"MUST" is no word of the table']],
    ['| rule | MAY | | planned: soon |', ['a cell is empty']],
    ['| | MAY | 1+ | planned: soon |', ['a cell is empty']],
    ['| rule | MAY | 1+ | planned: soon | more |', ['5 cells instead of 4']],
  ])('%s', async (row, faults) => {
    expect(await faultsOfRow(row)).toEqual(faults.map((fault) => `line 5: ${fault}`));
  });
});
