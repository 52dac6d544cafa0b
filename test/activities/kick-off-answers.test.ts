import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import { operationOutcome } from '../../dev/sample-server/index.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import type { Stack } from '../support/stack.ts';
import { failureOf, startStack } from '../support/stack.ts';

let stack: Stack;
let hospital: SampleServer;

beforeAll(async () => {
  stack = await startStack({
    servers: {
      hospital: { patients: 5, pollsUntilReady: 0 },
    },
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
      'a status URL with a password',
      answer(202, '', { 'Content-Location': 'http://user:pass@127.0.0.1/status/1' }),
      'KickOffRejected',
      /\(http:\/\/127\.0\.0\.1\): HTTP 202 \(Content-Location must not be asked: it contains user information\)$/,
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

test('a quoted answer holds no query of a URL', async () => {
  hospital.faults.add({ route: 'kickOff', do: answer(400, 'see https://h.example/x?token=abc and /y?sig=def') });
  const { message } = await stack.fail(SMALL);
  expect(message).not.toMatch(/abc|def/);
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

  test('and then refused because a job runs, which may be its own: that is an outage, with a warning', async () => {
    hospital.faults.add({ route: 'kickOff', do: { kind: 'dropAfterEffect' } });
    const busy = answer(429, operationOutcome({ severity: 'error', code: 'throttled', text: 'one at a time' }));
    hospital.faults.add({ route: 'kickOff', skip: 1, times: Infinity, do: busy });
    const started = await stack.start(SMALL);
    expect(await failureOf(started.result())).toMatchObject({ code: 'ServerUnavailable' });
    expect((await started.progress()).warnings.map(({ code }) => code)).toEqual(['PossibleOrphanJob']);
  });

  test('only the second may be answered by an earlier job', async () => {
    hospital.faults.add({ route: 'kickOff', do: { kind: 'dropAfterEffect' } });
    await stack.run(SMALL);
    expect(kickOffs().map(({ headers }) => headers['cache-control'])).toEqual(['no-cache', undefined]);
  });
});

test('a kick-off is accepted by 202, 201 or 200 with a Content-Location, whatever its body says', async () => {
  const request = { ...SMALL, keepServerFiles: true };
  await stack.run(request);
  const { statusUrl } = hospital.jobs().at(-1) as { statusUrl: string };
  const information = operationOutcome({ severity: 'information', code: 'informational', text: 'begun' });
  const answers: [number, string][] = [
    [202, ''],
    [202, information],
    [202, '<p>begun</p>'],
    [200, ''],
    [201, ''],
  ];
  for (const [skip, [status, body]] of answers.entries()) {
    const begun = answer(status, body, { 'Content-Location': statusUrl });
    hospital.faults.add({ route: 'kickOff', skip, do: begun });
  }
  const jobs = hospital.jobs().length;
  const reports = await Promise.all(answers.map(() => stack.run(request)));
  expect(reports).toEqual(answers.map(() => expect.objectContaining({ files: 1, warnings: [] })));
  expect(hospital.jobs()).toHaveLength(jobs);
});
