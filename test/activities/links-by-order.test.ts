import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
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

const CONTENTS = ['a', 'b', 'c'].map((id) => `{"resourceType":"Patient","id":"${id}"}\n`);

/** A manifest whose links say nothing of their files. @param order of the contents */
function list(order: readonly number[]): string[] {
  const paths = order.map(() => randomUUID());
  given.pages = [givenPage({ output: paths.map((path) => ({ type: 'Patient', url: `/${path}` })) })];
  for (const [place, which] of order.entries()) given.files[paths[place] as string] = CONTENTS[which] as string;
  return paths;
}

/** The first reading, whose second file is refused; then the links are others, in the order given. */
function refuseOne(later: readonly number[]): void {
  given.files = {};
  const [, refused = '', last = ''] = list([0, 1, 2]);
  delete given.files[refused];
  given.files[last] = () => {
    list(later);
    return CONTENTS[2] as string;
  };
}

const contentOf = (location: string): Promise<string[]> =>
  Promise.all([1, 2, 3].map((number) => readFile(join(location, `Patient.0000${number}.ndjson`), 'utf8')));

test('links of which nothing stays are told apart by their order, which is right where no file comes twice', async () => {
  refuseOne([0, 1, 2]);
  const { location } = await stack.run({ server: 'given' });
  expect(await contentOf(location)).toEqual(CONTENTS);
});

test('a server that has changed the order loses no file: the next run has a job of its own', async () => {
  refuseOne([1, 2, 0]);
  const request = { server: 'given', destination: { path: 'other-order' } };
  const started = await stack.start(request);
  const failure = await failureOf(started.result());
  expect([failure.code, failure.message]).toEqual([
    'ExportExpired',
    expect.stringMatching(/Patient\.0000[23]\.ndjson and Patient\.0000[23]\.ndjson are equal/),
  ]);
  const { location } = await stack.run(request);
  expect((await contentOf(location)).sort()).toEqual(CONTENTS);
});
