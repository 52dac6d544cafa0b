import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JournalEntry, SampleServer } from '../../dev/sample-server/index.ts';
import { operationOutcome } from '../../dev/sample-server/index.ts';
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
      atItsLimit: { patients: 3, pollsUntilReady: 0 },
      newHapi: { patients: 3, pollsUntilReady: 0, version: 4 },
      joining: { patients: 3, pollsUntilReady: 0, version: 4 },
      bcda: { patients: 3, pollsUntilReady: 0 },
      oracle: { patients: 3, pollsUntilReady: 0 },
    },
    entries: {
      epic: { profile: 'epic' },
      shaping: { unsupportedParameters: ['includeAssociatedData'] },
      repeating: { lists: 'repeat' },
      medplum: { profile: 'medplum' },
      atItsLimit: { notNowAnswers: [{ status: 403, text: 'maximum limit', waitSeconds: 1 }] },
      newHapi: { profile: 'hapi' },
      joining: { profile: 'hapi', lists: 'comma' },
      bcda: { profile: 'bcda' },
      oracle: { profile: 'oracle-millennium', shortestPollSeconds: null, firstPollSeconds: null },
    },
  });
});
afterAll(() => stack.close());

const SINCE = { _type: 'Patient', _since: '2020-01-01T00:00:00Z' };
const kickOffs = (server: string) => stack.servers[server]?.journal.filter(({ route }) => route === 'kickOff') ?? [];

test('what does not work at a server is refused before anything is asked, and no folder is made', async () => {
  const failure = await stack.fail({ server: 'epic', parameters: SINCE, destination: { path: 'refused' } });
  expect(failure.message).toMatch(
    /^InvalidRequest: parameters\._since: this server cannot do it \(as https:\/\/github\.com\/smart-on-fhir\/smart-fetch\//,
  );
  expect(stack.servers['epic']?.journal).toEqual([]);
  expect(existsSync(join(stack.folder, 'refused'))).toBe(false);
});

describe('a kick-off that is refused for now waits as `queued`, by what is known of the server', () => {
  const TOO_RECENT = operationOutcome({
    severity: 'error',
    code: 'processing',
    text: 'Error processing Bulk Data Kickoff request: Request not allowed: The Client requested this Group too recently.',
  });
  // Epic itself names no time; then it is an hour.
  test.each([
    ['epic', { status: 400, body: TOO_RECENT, headers: { 'Retry-After': '1' } }, 'requested this Group too recently'],
    ['atItsLimit', { status: 403, body: 'Maximum limit reached', headers: {} }, 'HTTP 403'],
  ])('%s', async (server, answer, trouble) => {
    const { faults } = stack.servers[server] as SampleServer;
    // More often than a refusal is tried again.
    faults.add({ route: 'kickOff', times: 3, do: { kind: 'answer', ...answer } });
    const request = { level: 'group', groupId: 'diabetes', destination: { path: `${server}-later` } } as const;
    const started = await stack.start({ server, ...request, parameters: { _type: 'Patient' } });
    await expect
      .poll(() => started.progress(), { timeout: 30_000, interval: 50 })
      .toMatchObject({ phase: 'queued', trouble: expect.stringContaining(trouble) });
    expect((await started.result()).status).toBe('complete');
    expect(kickOffs(server).map(({ status }) => status)).toEqual([...Array<number>(3).fill(answer.status), 202]);
  });

  test('also after a job was deleted because its files are gone', async () => {
    const { faults, jobs } = stack.servers['epic'] as SampleServer;
    const lost = { kind: 'answer', status: 404 } as const;
    faults.clear();
    faults.add({ route: 'file', times: Infinity, do: lost });
    const request = { server: 'epic', level: 'group', groupId: 'diabetes', destination: { path: 'daily' } } as const;
    expect((await stack.fail({ ...request, parameters: { _type: 'Patient' } })).code).toBe('IncompleteExport');
    faults.clear();
    const old = jobs().at(-1)?.id;
    faults.add({ route: 'file', match: ({ jobId }) => jobId === old, times: Infinity, do: lost });
    const refusal = { status: 400, body: TOO_RECENT, headers: { 'Retry-After': '1' } };
    faults.add({ route: 'kickOff', times: 2, do: { kind: 'answer', ...refusal } });
    const before = kickOffs('epic').length;
    const report = await stack.run({ ...request, parameters: { _type: 'Patient' } });
    expect(report.warnings.map(({ code }) => code)).toEqual(['JobRestarted']);
    expect(
      kickOffs('epic')
        .slice(before)
        .map(({ status }) => status),
    ).toEqual([400, 400, 202]);
  });

  test('but another 403 is a matter of authorization', async () => {
    const { faults } = stack.servers['atItsLimit'] as SampleServer;
    faults.add({ route: 'kickOff', do: { kind: 'answer', status: 403, body: 'not yours' } });
    const failure = await stack.fail({ server: 'atItsLimit', destination: { path: 'not-yours' } });
    expect(failure.code).toBe('AuthorizationFailed');
  });
});

test('with handling=lenient, what only shapes the export is left out, with a warning', async () => {
  const parameters = { _type: 'Patient', includeAssociatedData: 'LatestProvenanceResources' };
  const { warnings } = await stack.run({ server: 'shaping', parameters, prefer: ['handling=lenient'] });
  expect(warnings.map(({ code, message }) => `${code}: ${message}`)).toEqual([
    expect.stringMatching(/^ParameterIgnored: includeAssociatedData was left out: this server cannot do it/),
  ]);
  expect(kickOffs('shaping').map(({ url }) => new URL(url, 'http://a').search)).toEqual(['?_type=Patient']);
});

test('a server that refuses every preference gets none, and what we advise works there', async () => {
  // As BCDA does: validation.go, ValidateRequestHeaders.
  const isRefused = ({ headers }: JournalEntry): boolean => headers['prefer'] !== 'respond-async';
  const refusal = { kind: 'answer', status: 400, body: 'Only asynchronous responses are supported' } as const;
  stack.servers['bcda']?.faults.add({ route: 'kickOff', match: isRefused, times: Infinity, do: refusal });
  const parameters = { _type: 'Patient', includeAssociatedData: 'LatestProvenanceResources' };
  const request = { server: 'bcda', level: 'patient', parameters } as const;
  const advice = (await stack.fail(request)).message;
  expect(advice).toContain('or ask for handling=lenient to leave it out');
  expect(kickOffs('bcda')).toEqual([]);
  const report = await stack.run({ ...request, prefer: ['handling=lenient', 'separate-export-status'] });
  expect(report.status).toBe('complete');
  expect(report.warnings.map(({ message }) => message)).toEqual([
    expect.stringContaining('includeAssociatedData was left out'),
    expect.stringContaining('prefer: separate-export-status was left out'),
  ]);
  expect(kickOffs('bcda').map(({ headers }) => headers['prefer'])).toEqual(['respond-async']);
});

test('lists are sent as the server reads them', async () => {
  await stack.run({ server: 'repeating', parameters: { _type: ['Patient', 'Encounter'] } });
  expect(kickOffs('repeating').map(({ url }) => new URL(url, 'http://a').search)).toEqual([
    '?_type=Patient&_type=Encounter',
  ]);
});

test('several filters are sent to Oracle Health as one list', async () => {
  const filters = ['Encounter?status=finished', 'Condition?category=problem,diagnosis'];
  const parameters = { _type: ['Encounter', 'Condition'], _typeFilter: filters };
  await stack.run({ server: 'oracle', level: 'group', groupId: 'diabetes', parameters });
  const [sent] = kickOffs('oracle').map(({ url }) => new URL(url, 'http://a').searchParams);
  expect(sent?.getAll('_typeFilter').map((list) => list.split(','))).toEqual([
    ['Encounter?status=finished', 'Condition?category=problem%2Cdiagnosis'],
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
