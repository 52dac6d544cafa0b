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
      ai: { patients: 3, pollsUntilReady: 0 },
      repeating: { patients: 3, pollsUntilReady: 0 },
      medplum: { patients: 3, pollsUntilReady: 0 },
    },
    entries: {
      epic: { profile: 'epic' },
      ai: { profile: 'oracle-ai' },
      repeating: { lists: 'repeat' },
      medplum: { profile: 'medplum' },
    },
  });
});
afterAll(() => stack.close());

const SINCE = { _type: 'Patient', _since: '2020-01-01T00:00:00Z' };
const kickOffs = (server: string) => stack.servers[server]?.journal.filter(({ route }) => route === 'kickOff') ?? [];

test('what does not work at a server is refused before anything is asked, and no folder is made', async () => {
  const failure = await stack.fail({ server: 'epic', parameters: SINCE, destination: { path: 'refused' } });
  expect(failure.message).toMatch(/^InvalidRequest: parameters\._since: this server cannot do it \(as fhir\.epic\.com/);
  expect(stack.servers['epic']?.journal).toEqual([]);
  expect(existsSync(join(stack.folder, 'refused'))).toBe(false);
});

test('with handling=lenient, what only shapes the export is left out, with a warning', async () => {
  const parameters = { _type: 'Patient', includeAssociatedData: 'LatestProvenanceResources' };
  const { warnings } = await stack.run({ server: 'ai', parameters, prefer: ['handling=lenient'] });
  expect(warnings.map(({ code, message }) => `${code}: ${message}`)).toEqual([
    expect.stringMatching(/^ParameterIgnored: includeAssociatedData was left out: this server cannot do it/),
  ]);
  expect(kickOffs('ai').map(({ url }) => new URL(url, 'http://a').search)).toEqual(['?_type=Patient']);
});

test('lists are sent as the server reads them', async () => {
  await stack.run({ server: 'repeating', parameters: { _type: ['Patient', 'Encounter'] } });
  expect(kickOffs('repeating').map(({ url }) => new URL(url, 'http://a').search)).toEqual([
    '?_type=Patient&_type=Encounter',
  ]);
});

test('an export of changes says that deletions are missing', async () => {
  const { warnings } = await stack.run({ server: 'medplum', parameters: SINCE });
  expect(warnings.map(({ code }) => code)).toContain('DeletionsNotReported');
});
