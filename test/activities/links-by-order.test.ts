import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GivenServer } from '../support/given-server.ts';
import { givenPage, startGivenServer } from '../support/given-server.ts';
import type { Stack } from '../support/stack.ts';
import { failureOf, serverEntry, startStack } from '../support/stack.ts';

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

const FULL = ['a', 'b', 'c'].map((id) => `{"resourceType":"Patient","id":"${id}"}\n`);

/** A manifest whose links say nothing of their files. @param order of the contents */
function list(contents: readonly string[], order: readonly number[]): string[] {
  const paths = order.map(() => randomUUID());
  given.pages = [givenPage({ output: paths.map((path) => ({ type: 'Patient', url: `/${path}` })) })];
  for (const [place, which] of order.entries()) given.files[paths[place] as string] = contents[which] as string;
  return paths;
}

/** The first reading, whose second file is refused; then the links are others, in the order given. */
function refuseOne(contents: readonly string[], later: readonly number[]): void {
  given.files = {};
  const [, refused = ''] = list(contents, [0, 1, 2]);
  given.files[refused] = () => void list(contents, later);
}

const contentOf = (location: string): Promise<string[]> =>
  Promise.all([1, 2, 3].map((number) => readFile(join(location, `Patient.0000${number}.ndjson`), 'utf8')));

test('links of which nothing stays are told apart by their order, which is right where no file comes twice', async () => {
  refuseOne(FULL, [0, 1, 2]);
  const { location } = await stack.run({ server: 'given' });
  expect(await contentOf(location)).toEqual(FULL);
});

describe('a server that has changed the order', () => {
  const EMPTY = ['', FULL[1], FULL[2]] as string[];
  test.each([
    ['a full one', FULL, [1, 2, 0]],
    ['an empty one', EMPTY, [1, 0, 2]],
  ])('loses no file where it sends %s twice: the next run has a job of its own', async (which, contents, order) => {
    refuseOne(contents, order);
    const request = { server: 'given', destination: { path: which.replaceAll(' ', '-') } };
    const failure = await failureOf((await stack.start(request)).result());
    expect([failure.code, failure.message]).toEqual([
      'ExportExpired',
      expect.stringMatching(/Patient\.0000[23]\.ndjson is equal to another file/),
    ]);
    const { location } = await stack.run(request);
    expect((await contentOf(location)).sort()).toEqual([...contents].sort());
  });

  test('has the operator decide, if there is one: what is there comes once', async () => {
    refuseOne(FULL, [1, 2, 0]);
    const started = await stack.start({ server: 'given', onIncomplete: 'wait' });
    await expect.poll(async () => (await started.progress()).phase, { timeout: 30_000 }).toBe('needs-attention');
    await started.finishIncomplete({ reason: 'it will do' });
    const failure = await failureOf(started.result());
    expect([failure.code, failure.message]).toEqual([
      'IncompleteExport',
      expect.stringMatching(/^IncompleteExport: 1 of 3 files .*is equal to another file/),
    ]);
  });
});
