import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({
    servers: {
      epic: { patients: 3, pollsUntilReady: 0 },
      shaping: { patients: 3, pollsUntilReady: 0 },
      repeating: { patients: 3, pollsUntilReady: 0 },
      medplum: { patients: 3, pollsUntilReady: 0 },
      newHapi: { patients: 3, pollsUntilReady: 0, version: 4 },
      joining: { patients: 3, pollsUntilReady: 0, version: 4 },
    },
    entries: {
      epic: { profile: 'epic' },
      shaping: { unsupportedParameters: ['includeAssociatedData'] },
      repeating: { lists: 'repeat' },
      medplum: { profile: 'medplum' },
      newHapi: { profile: 'hapi' },
      joining: { profile: 'hapi', lists: 'comma' },
    },
  });
});
afterAll(() => stack.close());

const SINCE = { _type: 'Patient', _since: '2020-01-01T00:00:00Z' };
const kickOffs = (server: string) => stack.servers[server]?.journal.filter(({ route }) => route === 'kickOff') ?? [];

test('what does not work at a server is refused before anything is asked, and no folder is made', async () => {
  const failure = await stack.fail({ server: 'epic', parameters: SINCE, destination: { path: 'refused' } });
  expect(failure.message).toMatch(
    /^InvalidRequest: parameters\._since: this server cannot do it \(as smart-on-fhir\/smart-fetch, docs\/since\.md/,
  );
  expect(stack.servers['epic']?.journal).toEqual([]);
  expect(existsSync(join(stack.folder, 'refused'))).toBe(false);
});

test('with handling=lenient, what only shapes the export is left out, with a warning', async () => {
  const parameters = { _type: 'Patient', includeAssociatedData: 'LatestProvenanceResources' };
  const { warnings } = await stack.run({ server: 'shaping', parameters, prefer: ['handling=lenient'] });
  expect(warnings.map(({ code, message }) => `${code}: ${message}`)).toEqual([
    expect.stringMatching(/^ParameterIgnored: includeAssociatedData was left out: this server cannot do it/),
  ]);
  expect(kickOffs('shaping').map(({ url }) => new URL(url, 'http://a').search)).toEqual(['?_type=Patient']);
});

test('lists are sent as the server reads them', async () => {
  await stack.run({ server: 'repeating', parameters: { _type: ['Patient', 'Encounter'] } });
  expect(kickOffs('repeating').map(({ url }) => new URL(url, 'http://a').search)).toEqual([
    '?_type=Patient&_type=Encounter',
  ]);
});

test('what a profile says of lists does not hold where the server declares a guide that forbids it', async () => {
  const parameters = { _type: ['Patient', 'Encounter'] };
  const sent = async (server: string): Promise<unknown> => {
    const started = await stack.start({ server, parameters, destination: { path: server } });
    await started.result().catch(() => {});
    const body = JSON.parse(kickOffs(server)[0]?.body ?? '{}') as { parameter: { valueString: string }[] };
    return body.parameter.map(({ valueString }) => valueString);
  };
  expect(await sent('newHapi')).toEqual(['Patient', 'Encounter']);
  expect(await sent('joining')).toEqual(['Patient,Encounter']);
});

test('an export of changes says that deletions are missing', async () => {
  const { warnings } = await stack.run({ server: 'medplum', parameters: SINCE });
  expect(warnings.map(({ code }) => code)).toContain('DeletionsNotReported');
});
