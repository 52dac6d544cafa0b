import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import { operationOutcome } from '../../dev/sample-server/index.ts';
import { expectExactFiles } from '../support/exported-files.ts';
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

describe('a kick-off that the server refuses ends the run, with the reasons', () => {
  const outcome = operationOutcome(
    { severity: 'error', code: 'not-supported', text: '_elements cannot be used' },
    { severity: 'error', code: 'invalid', text: 'and the group is empty' },
  );
  test.each([
    [
      'an OperationOutcome, every issue',
      answer(400, outcome),
      'KickOffRejected',
      /HTTP 400: error\/not-supported: _elements cannot be used; error\/invalid: and the group is empty/,
    ],
    [
      'an HTML page',
      answer(404, '<html><style>p{}</style><body><p>No such <b>page</b></p></body></html>'),
      'KickOffRejected',
      /HTTP 404: \(a page, not FHIR\) No such page/,
    ],
    ['plain text', answer(422, 'too many types'), 'KickOffRejected', /HTTP 422: too many types/],
    ['a final 500', answer(500, outcome), 'KickOffRejected', /HTTP 500/],
    ['501', answer(501), 'KickOffRejected', /HTTP 501/],
    ['401', answer(401), 'AuthorizationFailed', /kick-off was refused: HTTP 401/],
    ['403', answer(403, outcome), 'AuthorizationFailed', /HTTP 403/],
    ['202 without Content-Location', answer(202), 'KickOffRejected', /without a usable Content-Location/],
    [
      '200 with an OperationOutcome',
      answer(200, outcome),
      'KickOffRejected',
      /without a usable Content-Location.*HTTP 200: error\/not-supported: _elements cannot be used; error\/invalid/,
    ],
    [
      '201 with a page',
      answer(201, '<html>Signed in</html>'),
      'KickOffRejected',
      /without a usable Content-Location.*HTTP 201: \(a page, not FHIR\) Signed in/,
    ],
  ])('%s', async (_, fault, code, message) => {
    hospital.faults.add({ route: 'kickOff', do: fault });
    const failure = await stack.fail(SMALL);
    expect(failure.code).toBe(code);
    expect(failure.message).toMatch(message);
    expect(failure.message.startsWith(`${code}: `)).toBe(true);
    expect(kickOffs()).toHaveLength(1);
    expect(hospital.journal.filter(({ route }) => route === 'delete')).toHaveLength(0);
  });
});

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

test('a quoted answer holds no query of a URL', async () => {
  hospital.faults.add({ route: 'kickOff', do: answer(400, 'see https://h.example/x?token=abc and /y?sig=def') });
  const { message } = await stack.fail(SMALL);
  expect(message).not.toMatch(/abc|def/);
});

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

describe('a kick-off whose answer is lost', () => {
  test.each([
    ['before the effect', { kind: 'drop' }],
    ['after the effect', { kind: 'dropAfterEffect' }],
    ['by a gateway that gave up waiting', answer(504, '<html>gateway timeout</html>')],
    ['by silence', { kind: 'hang' }],
  ] as const)('%s: it is sent once more, with a warning', async (_, fault) => {
    hospital.faults.add({ route: 'kickOff', do: fault });
    const report = await stack.run(SMALL);
    expect(report.warnings.map(({ code }) => code)).toEqual(['PossibleOrphanJob']);
    expect(kickOffs()).toHaveLength(2);
    await expectExactFiles(report.location, hospital);
  });

  test('twice: KickOffUnknown, and never a third one', async () => {
    hospital.faults.add({ route: 'kickOff', times: Infinity, do: { kind: 'dropAfterEffect' } });
    expect((await stack.fail(SMALL)).code).toBe('KickOffUnknown');
    expect(kickOffs()).toHaveLength(2);
  });

  test('only the second may be answered by an earlier job', async () => {
    hospital.faults.add({ route: 'kickOff', do: { kind: 'dropAfterEffect' } });
    await stack.run(SMALL);
    expect(kickOffs().map(({ headers }) => headers['cache-control'])).toEqual(['no-cache', undefined]);
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
