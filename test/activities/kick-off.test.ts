import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import { operationOutcome } from '../../dev/sample-server/index.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

let stack: Stack;
let hospital: SampleServer;

beforeAll(async () => {
  stack = await startStack({
    servers: {
      hospital: { patients: 5, pollsUntilReady: 0 },
      hapi: { patients: 60, pollsUntilReady: 0, reading: 'hapi' },
      hapiByPost: { patients: 60, pollsUntilReady: 0, reading: 'hapi' },
    },
    entries: { hapiByPost: { kickOffMethod: 'post' } },
    timeouts: { headers: 700, body: 700 },
  });
  hospital = stack.servers['hospital'] as SampleServer;
});
afterAll(() => stack.close());
beforeEach(() => {
  hospital.journal.length = 0;
  hospital.faults.clear();
});

const SMALL = { parameters: { _type: 'Patient' } };
const kickOffs = () => hospital.journal.filter(({ route }) => route === 'kickOff');

const answer = (status: number, body = '', headers: Record<string, string> = {}) =>
  ({ kind: 'answer', status, body, headers }) as const;

test.each(['hapi', 'hapiByPost'])(
  'lists and filters beyond ASCII arrive at a server that reads as HAPI: %s',
  async (server) => {
    const { byType } = await stack.run({
      server,
      parameters: { _type: ['Patient', 'Encounter', 'Group'], _typeFilter: ['Patient?family=Müller,山田'] },
    });
    expect(Object.keys(byType).sort()).toEqual(['Encounter', 'Group', 'Patient']);
    expect(byType['Patient']?.resources).toBeGreaterThan(0);
    expect(byType['Patient']?.resources).toBeLessThan(30);
  },
);

describe('a server that is busy or away for a while is asked again, not earlier than it says', () => {
  test.each([
    ['429 with seconds', answer(429, '', { 'Retry-After': '2' }), 2000],
    [
      '503 with an HTTP date',
      answer(503, '', {
        'Retry-After': new Date(2_000_000_000_000 + 2000).toUTCString(),
        Date: new Date(2_000_000_000_000).toUTCString(),
      }),
      2000,
    ],
    ['500 without FHIR', answer(500, '<html>oops</html>'), 0],
    [
      '500 with a transient outcome',
      answer(500, operationOutcome({ severity: 'error', code: 'throttled', text: 'slow' })),
      0,
    ],
  ])('%s', async (_, fault, wait) => {
    hospital.faults.add({ route: 'kickOff', do: fault });
    const report = await stack.run(SMALL);
    expect(report.warnings).toEqual([]);
    const [first, second, ...more] = kickOffs();
    expect(more).toEqual([]);
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(wait);
  });

  test('connection refused: nothing was sent, so no warning', async () => {
    await hospital.goAway();
    const started = await stack.start(SMALL);
    setTimeout(() => void hospital.comeBack(), 1500);
    const report = await started.result();
    expect(report.warnings).toEqual([]);
    expect(kickOffs()).toHaveLength(1);
  });

  test('for ever: ServerUnavailable', async () => {
    hospital.faults.add({ route: 'kickOff', times: Infinity, do: answer(429) });
    expect((await stack.fail(SMALL)).code).toBe('ServerUnavailable');
  });
});

test('a redirect that is not followed has started no job, so the next run warns of none', async () => {
  const destination = { path: 'redirected' };
  const away = answer(307, '', { location: 'http://fhir.internal.example/fhir/$export' });
  hospital.faults.add({ route: 'kickOff', times: 1, do: away });
  const failure = await stack.fail({ ...SMALL, destination });
  expect(failure.message).toMatch(/^KickOffRejected: .*fhir\.internal\.example.*must be https:$/);
  const report = await stack.run({ ...SMALL, destination });
  expect(report.warnings).toEqual([]);
});

test('redirects in a circle have started no job: the server is asked again until it is repaired', async () => {
  const destination = { path: 'circle' };
  hospital.faults.add({ route: 'kickOff', times: 2, do: answer(307, '', { location: '$export' }) });
  const report = await stack.run({ ...SMALL, destination });
  expect(report.warnings).toEqual([]);
  expect(kickOffs()).toHaveLength(3);
});

test('a relative Content-Location is taken from the kick-off URL', async () => {
  hospital.faults.add({
    route: 'kickOff',
    do: { kind: 'headers', set: { 'Content-Location': (old) => new URL(old).pathname + new URL(old).search } },
  });
  const report = await stack.run(SMALL);
  expect(report.files).toBe(1);
});

test('a missing CapabilityStatement is not fatal', async () => {
  hospital.faults.add({ route: 'metadata', do: answer(500) });
  expect((await stack.run(SMALL)).files).toBe(1);
});

test('a server of IG 4 whose CapabilityStatement cannot be read is asked by POST when GET is not allowed', async () => {
  const v4 = await startStack({ servers: { four: { version: 4, patients: 3, pollsUntilReady: 0 } } });
  try {
    const four = v4.servers['four'] as SampleServer;
    four.faults.add({ route: 'metadata', times: Infinity, do: answer(500) });
    expect((await v4.run(SMALL)).files).toBe(1);
    expect(four.journal.filter(({ route }) => route === 'kickOff').map(({ method }) => method)).toEqual([
      'GET',
      'POST',
    ]);
  } finally {
    await v4.close();
  }
});

test('a server that declares IG 4 is asked by POST', async () => {
  const v4 = await startStack({ servers: { four: { version: 4, patients: 3, pollsUntilReady: 0 } } });
  try {
    await v4.run({ ...SMALL, parameters: { _type: ['Patient', 'Group'] } });
    const [kickOff] = v4.servers['four']?.journal.filter(({ route }) => route === 'kickOff') ?? [];
    expect(kickOff?.method).toBe('POST');
    expect(JSON.parse(kickOff?.body ?? '')).toEqual({
      resourceType: 'Parameters',
      parameter: [
        { name: '_type', valueString: 'Patient' },
        { name: '_type', valueString: 'Group' },
      ],
    });
  } finally {
    await v4.close();
  }
});

test('the status URL is durable at the destination', async () => {
  hospital.faults.add({ route: 'file', times: Infinity, do: { kind: 'answer', status: 400 } });
  await stack.fail({ ...SMALL, destination: { path: 'durable' } });
  const file = join(stack.folder, 'durable/.export/job.json');
  const job = JSON.parse(await readFile(file, 'utf8')) as { statusUrl: string };
  expect(job.statusUrl).toBe(hospital.jobs().at(-1)?.statusUrl);
});

describe('bad input fails the run at once, with every field and its fix', () => {
  test.each([
    [{ level: 'group' }, 'InvalidRequest', ['groupId: is missing']],
    [
      { level: 'everything', parameters: { _since: '2026-02-30T00:00:00Z', _type: 'Patientt' }, foo: 1 },
      'InvalidRequest',
      ['level: must be one of system, patient, group', '30', 'parameters._type: "Patientt"', 'foo: unknown field'],
    ],
    [{ destination: { path: '../x' } }, 'InvalidRequest', ['destination.path: must not contain ".."']],
    [{ server: 'nowhere' }, 'UnknownServer', ['knows hospital']],
    [{ destination: { name: 'nowhere' } }, 'UnknownDestination', ['knows local']],
    [{ attachments: 'all' }, 'InvalidRequest', ['attachments: must be "download"']],
  ])('%o', async (request, code, parts) => {
    const failure = await stack.fail(request as never);
    expect(failure.code).toBe(code);
    for (const part of parts) expect(failure.message).toContain(part);
    expect(hospital.journal).toEqual([]);
  });
});
