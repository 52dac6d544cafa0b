import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

let stack: Stack;

beforeAll(async () => {
  const options = { patients: 5, pollsUntilReady: 0, retryAfter: '1' } as const;
  stack = await startStack({
    servers: { claims: options, clinic: options, news: options },
    entries: { claims: { maxDownloadsPerFile: 2 }, news: { sinceByDefault: true } },
  });
});
afterAll(() => stack.close());
beforeEach(() => {
  for (const server of Object.values(stack.servers)) server.faults.clear();
});

const server = (name: string) => stack.servers[name] as SampleServer;
const kickOffs = (name: string) => server(name).journal.filter(({ route }) => route === 'kickOff').length;
const isThere = (...path: string[]) => existsSync(join(stack.folder, ...path));
const BREAK = { kind: 'breakBody', afterBytes: 500 } as const;

/** Starts the workers anew, with more in a server's entry. */
async function configure(name: string, more: object): Promise<void> {
  await stack.stopWorkers();
  Object.assign(stack.config.servers[name] ?? {}, more);
  await stack.startWorkers();
}

test('a server that sends news only unless told otherwise is asked with _since only', async () => {
  const failure = await stack.fail({ server: 'news', parameters: { _type: 'Patient' } });
  expect(failure.message).toMatch(
    /^InvalidRequest: parameters\._since: without it this server exports only what is new/,
  );
  expect(server('news').journal).toEqual([]);
  const parameters = { _type: 'Patient', _since: '2020-01-01T00:00:00Z' };
  expect((await stack.run({ server: 'news', parameters })).status).toBe('complete');
});

test('an export that must not be kicked off again keeps the files that it has', async () => {
  const request = {
    server: 'claims',
    parameters: { _type: ['Patient', 'Encounter'] },
    destination: { path: 'claims' },
  } as const;
  const isEncounter = ({ url }: { url: string }) => url.includes('Encounter');
  server('claims').faults.add({ route: 'file', times: Infinity, match: isEncounter, do: BREAK });
  expect((await stack.fail(request)).code).toBe('IncompleteExport');
  await configure('claims', { sinceByDefault: true });
  // All downloads of a file are used up, so only another job could bring it.
  const failure = await stack.fail(request);
  expect(failure.message).toMatch(
    /^InvalidRequest: parameters\._since: without it this server exports only what is new/,
  );
  expect(kickOffs('claims')).toBe(1);
  expect(isThere('claims', 'Patient.00001.ndjson')).toBe(true);
  // Nor is the job deleted, which is all that there is.
  expect(server('claims').journal.filter(({ route }) => route === 'delete')).toEqual([]);
});

test('an export whose job is there goes on, although its request would be refused by now', async () => {
  const request = { server: 'clinic', parameters: { _type: 'Patient' }, destination: { path: 'clinic' } } as const;
  server('clinic').faults.add({ route: 'file', times: Infinity, do: { kind: 'answer', status: 400 } });
  expect((await stack.fail(request)).code).toBe('IncompleteExport');
  server('clinic').faults.clear();
  await configure('clinic', { levels: ['group'] });
  expect((await stack.fail({ ...request, destination: { path: 'another' } })).code).toBe('InvalidRequest');
  expect((await stack.fail({ ...request, parameters: { _type: 'Encounter' } })).code).toBe('InvalidRequest');
  expect(isThere('another')).toBe(false);
  expect((await stack.run(request)).status).toBe('complete');
  expect(kickOffs('clinic')).toBe(1);
});
