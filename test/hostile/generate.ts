import * as fc from 'fast-check';
import type { Case, FileCase, Links, Refusal, RetryAfter, TokenCase, Trouble } from './case.ts';
import { DEFECTS, RANGES } from './case.ts';

/** How far a case may go. */
export interface Reach {
  /** Time can be skipped: waits of hours cost nothing. */
  skipsTime: boolean;
  mostFiles: number;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const YEAR = 365 * 24 * 3600;

const TYPES = ['Patient', 'Observation', 'Condition', 'DocumentReference'] as const;
const FILTERS = [
  'Patient?name=Müller',
  'Patient?gender=male',
  'Observation?code=%C3%A4',
  'Condition?note=日本',
] as const;

/** A failing case is made smaller by trying the first choice. */
const SMALLER = { withCrossShrink: true };

/** Mostly the first, so that a case has few faults and each is seen. */
function mostly<T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> {
  return fc.oneof(
    SMALLER,
    { weight: 3, arbitrary: fc.constant(usual) },
    { weight: 2, arbitrary: fc.constantFrom(...others) },
  );
}

function rarely<T>(arbitrary: fc.Arbitrary<T>, weight = 6): fc.Arbitrary<T | undefined> {
  return fc.oneof(SMALLER, { weight, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
}

function retryAfter({ skipsTime }: Reach): fc.Arbitrary<RetryAfter> {
  const seconds = skipsTime ? [1, 30, 120, 3600, 120_000, YEAR] : [1];
  return fc.oneof(
    fc.constantFrom(...seconds, 0, -5).map((value) => ({ form: 'seconds' as const, value })),
    fc
      .constantFrom(...(skipsTime ? [20, 7200, YEAR] : [1]), -60)
      .map((value) => ({ form: 'date' as const, in: value })),
    fc.constantFrom('soon', '', '1e99', '12 seconds', '٣', 'NaN').map((text) => ({ form: 'text' as const, text })),
  );
}

function refusal(reach: Reach, statuses: readonly number[], bodies: readonly Refusal['body'][]): fc.Arbitrary<Refusal> {
  return fc
    .record({
      status: fc.constantFrom(...statuses),
      body: fc.constantFrom(...bodies),
      retryAfter: rarely(retryAfter(reach), 1),
    })
    .map(({ retryAfter: wait, ...rest }) => ({ ...rest, ...(wait === undefined ? {} : { retryAfter: wait }) }));
}

const share = fc.constantFrom(0, 0.1, 0.3, 0.5, 0.7, 0.95, 1);

function trouble(reach: Reach): fc.Arbitrary<Trouble> {
  return fc.oneof(
    { weight: 24, arbitrary: share.map((at): Trouble => ({ kind: 'break', at })) },
    // Each costs real time.
    { weight: 1, arbitrary: share.map((at): Trouble => ({ kind: 'stall', at })) },
    {
      weight: 16,
      arbitrary: refusal(reach, [429, 503, 500, 502, 408, 425], ['none', 'html', 'transient']).map((one): Trouble => ({
        kind: 'refuse',
        refusal: one,
      })),
    },
    {
      weight: 4,
      arbitrary: refusal(reach, [404, 403, 400, 422, 204], ['none', 'html']).map((one): Trouble => ({
        kind: 'refuse',
        refusal: one,
      })),
    },
  );
}

function file(reach: Reach, among: (...subjects: About[]) => boolean): fc.Arbitrary<FileCase> {
  const calm = <T>(usual: T, wild: fc.Arbitrary<T>, ...subjects: About[]): fc.Arbitrary<T> =>
    among(...subjects) ? wild : fc.constant(usual);
  return fc
    .record({
      kind: fc.oneof(
        SMALLER,
        { weight: 6, arbitrary: fc.constant<FileCase['kind']>('output') },
        { weight: 1, arbitrary: fc.constantFrom<FileCase['kind']>('deleted', 'error') },
      ),
      type: fc.constantFrom(...TYPES),
      lines: fc.nat({ max: 12 }),
      padding: mostly(0, 3, 40, 3000),
      longLine: fc.oneof(
        SMALLER,
        { weight: 100, arbitrary: fc.constant(0) },
        { weight: 1, arbitrary: fc.constantFrom(70_000, 1_500_000) },
      ),
      newlineAtEnd: mostly(true, false),
      changes: calm(
        [],
        fc.oneof(
          SMALLER,
          { weight: 1, arbitrary: fc.constant([]) },
          { weight: 1, arbitrary: fc.uniqueArray(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 2 }) },
        ),
        'transfer',
      ),
      alternates: calm(false, oftenNot(2), 'transfer'),
      validator: mostly<FileCase['validator']>('strong', 'sometimes', 'weak', 'none'),
      ranges: calm<FileCase['ranges']>('honoured', fc.constantFrom('honoured', 'honoured', ...RANGES), 'transfer'),
      ifRange: calm<FileCase['ifRange']>('honoured', mostly('honoured', 'ignored'), 'transfer'),
      unasked206: calm(false, oftenNot(30), 'transfer'),
      coding: fc.oneof(
        SMALLER,
        { weight: 12, arbitrary: fc.constant<FileCase['coding']>('never') },
        { weight: 9, arbitrary: fc.constantFrom<FileCase['coding']>('asked', 'unasked') },
        { weight: among('transfer') ? 1 : 0, arbitrary: fc.constant<FileCase['coding']>('unknown') },
      ),
      length: fc.oneof(
        SMALLER,
        { weight: 8, arbitrary: fc.constantFrom<FileCase['length']>('right', 'right', 'chunked') },
        {
          weight: among('transfer') ? 1 : 0,
          arbitrary: fc.constantFrom<FileCase['length']>('until the end', 'too small', 'too large'),
        },
      ),
      count: fc.oneof(
        SMALLER,
        { weight: 8, arbitrary: fc.constantFrom<FileCase['count']>('right', 'absent') },
        { weight: among('lines') ? 2 : 0, arbitrary: fc.constant<FileCase['count']>('wrong') },
      ),
      troubles: calm(
        [],
        fc.oneof(
          SMALLER,
          { weight: 1, arbitrary: fc.constant([]) },
          { weight: 1, arbitrary: fc.array(trouble(reach), { minLength: 1, maxLength: 3 }) },
          // Something is there, and the rest is asked for.
          { weight: 1, arbitrary: fc.constantFrom(...BROKEN) },
        ),
        'transfer',
        'waits',
        'links',
      ),
      forever: calm(
        undefined,
        rarely(refusal(reach, [429, 503, 500, 404, 403, 400], ['none', 'html']), 30),
        'waits',
        'links',
      ),
      defect: calm(
        undefined,
        rarely(fc.record({ what: fc.constantFrom(...DEFECTS), deliveries: fc.constantFrom(1, 2, 3, 1000) }), 2),
        'lines',
      ),
      takes: reach.skipsTime
        ? calm(0, mostly(MINUTE, 0, 1000, 2 * MINUTE, 4 * MINUTE), 'links', 'queue')
        : fc.constant(0),
    })
    .map(({ forever, defect, ...rest }) => ({
      ...rest,
      ...(forever === undefined ? {} : { forever }),
      ...(defect === undefined ? {} : { defect }),
    }));
}

const BROKEN: readonly (readonly Trouble[])[] = [
  [{ kind: 'break', at: 0.4 }],
  [
    { kind: 'break', at: 0.3 },
    { kind: 'break', at: 0.5 },
  ],
];

/** Links that nothing happens to. */
const STEADY: Links = { said: false, refusal: 403, renewal: 'signed anew', reordered: false };

/** Links that live long enough for a few files, and not for all. */
const SHORT: fc.Arbitrary<Links> = fc.record({
  lifetime: fc.constantFrom(3 * MINUTE, 5 * MINUTE),
  said: fc.boolean(),
  refusal: fc.constantFrom<Links['refusal']>(401, 403, 404, 410),
  renewal: fc.constantFrom<Links['renewal']>('signed anew', 'new addresses'),
  reordered: fc.constant(false),
});

function oftenNot(weight: number): fc.Arbitrary<boolean> {
  return fc.oneof(SMALLER, { weight, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) });
}

function links(reach: Reach): fc.Arbitrary<Links> {
  return fc
    .record({
      lifetime: reach.skipsTime
        ? fc.oneof(
            SMALLER,
            { weight: 3, arbitrary: fc.constant(undefined) },
            { weight: 2, arbitrary: fc.constantFrom(0.5 * MINUTE, 3 * MINUTE, 5 * MINUTE, 10 * MINUTE, HOUR) },
          )
        : mostly<number | undefined>(undefined, 1, 700),
      said: fc.boolean(),
      refusal: fc.constantFrom<Links['refusal']>(401, 403, 404, 410),
      renewal: fc.constantFrom<Links['renewal']>('signed anew', 'signed anew', 'new addresses', 'same', 'other files'),
      reordered: mostly(false, true),
    })
    .map(({ lifetime, ...rest }) => ({ ...rest, ...(lifetime === undefined ? {} : { lifetime }) }));
}

function token(reach: Reach): fc.Arbitrary<TokenCase> {
  return fc.record({
    refuses: fc.oneof(
      SMALLER,
      { weight: 4, arbitrary: fc.constantFrom<TokenCase['refuses']>('none', 'Binary') },
      { weight: 1, arbitrary: fc.constant<TokenCase['refuses']>('all') },
    ),
    lifetime: reach.skipsTime ? fc.constantFrom(300, 60, 3600) : fc.constant(3600),
    troubles: fc.oneof(
      SMALLER,
      { weight: 4, arbitrary: fc.constant([]) },
      {
        weight: 1,
        arbitrary: fc.array(refusal(reach, [429, 500, 503, 400], ['none', 'html', 'transient']), { maxLength: 2 }),
      },
    ),
  });
}

/** Answers before the right one: mostly none. */
function before(arbitrary: fc.Arbitrary<Refusal>, mostBreaks: number): fc.Arbitrary<Case['status']> {
  const one = fc.oneof(
    { weight: 6, arbitrary },
    { weight: mostBreaks, arbitrary: fc.constant({ kind: 'break' as const }) },
  );
  return fc.oneof(
    SMALLER,
    { weight: 2, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(one, { minLength: 1, maxLength: 3 }) },
  );
}

const passing = [429, 503, 500] as const;

/** What a case is about; the rest of it is well-behaved, so that the export gets that far. */
const ABOUT = ['request', 'status', 'transfer', 'lines', 'links', 'queue', 'waits', 'all'] as const;
type About = (typeof ABOUT)[number];

/** Any server, export and course of events. */
export function anyCase(reach: Reach): fc.Arbitrary<Case> {
  return fc.oneof(
    { weight: 25, arbitrary: about('request', reach) },
    { weight: 5, arbitrary: about('status', reach) },
    { weight: 45, arbitrary: about('transfer', reach) },
    { weight: 10, arbitrary: about('lines', reach) },
    { weight: 15, arbitrary: about('links', reach) },
    { weight: reach.skipsTime ? 10 : 0, arbitrary: about('queue', reach) },
    { weight: 10, arbitrary: about('waits', reach) },
    { weight: reach.skipsTime ? 1 : 0, arbitrary: overtaken(reach) },
    { weight: 10, arbitrary: about('all', reach) },
  );
}

function about(subject: About, reach: Reach): fc.Arbitrary<Case> {
  const among = (...subjects: About[]): boolean => subject === 'all' || subjects.includes(subject);
  const calm = <T>(usual: T, wild: fc.Arbitrary<T>, ...subjects: About[]): fc.Arbitrary<T> =>
    among(...subjects) ? wild : fc.constant(usual);
  const wrong = rarely(
    refusal(reach, [200, 202, 400, 401, 502, 504, 302], ['none', 'html', 'final', 'empty object']),
    5,
  );
  return fc
    .record({
      level: fc.constantFrom<Case['level']>('system', 'patient', 'group'),
      types: calm(
        [],
        fc.oneof(
          SMALLER,
          fc.constant([]),
          fc.uniqueArray(fc.constantFrom<string>(...TYPES), { minLength: 1, maxLength: 3 }),
        ),
        'request',
      ),
      filters: calm(
        [],
        fc.oneof(
          SMALLER,
          { weight: 2, arbitrary: fc.constant([]) },
          { weight: 1, arbitrary: fc.uniqueArray(fc.constantFrom<string>(...FILTERS), { minLength: 1, maxLength: 2 }) },
        ),
        'request',
      ),
      attachments: calm<Case['attachments']>(
        'none',
        mostly('none', 'raw', 'Binary', 'Binary without data'),
        'request',
        'lines',
      ),
      method: fc.constantFrom<Case['method']>('auto', 'get', 'post'),
      workers: subject === 'queue' ? fc.constant<1 | 2>(1) : mostly<1 | 2>(1, 2),
      slots: subject === 'queue' ? fc.constant(1) : fc.constantFrom(1, 2, 4),
      reads: fc.constantFrom<Case['reads']>('hapi', 'smart'),
      declares: fc.constantFrom<2 | 3 | 4 | undefined>(undefined, 2, 3, 4),
      compresses: calm(false, fc.boolean(), 'request', 'status'),
      token: calm(
        undefined,
        fc.oneof(SMALLER, { weight: 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: token(reach) }),
        'request',
      ),
      kickOff: calm([], before(refusal(reach, passing, ['none', 'html', 'transient']), 1), 'request', 'waits'),
      kickOffWrong: calm(undefined, wrong, 'request'),
      status: calm(
        [],
        before(refusal(reach, [202, 202, ...passing, 404], ['none', 'html', 'transient']), 2),
        'status',
        'waits',
      ),
      statusWrong: calm(undefined, wrong, 'status'),
      perPage: calm(1000, fc.constantFrom(1, 2, 3), 'status', 'links'),
      organised: fc.oneof(
        SMALLER,
        { weight: 12, arbitrary: fc.constant(false) },
        { weight: 1, arbitrary: fc.constant(true) },
      ),
      needsToken: fc.boolean(),
      links: subject === 'queue' ? SHORT : calm<Links>(STEADY, links(reach), 'links'),
      // Many slow ones outlive their links.
      files: fc.array(
        file(reach, among),
        subject === 'queue' ? { minLength: 4, maxLength: 12 } : { minLength: 1, maxLength: reach.mostFiles },
      ),
      deletion: mostly<Case['deletion']>(202, 404, 405, 500),
      pollNow: calm(
        [],
        fc.oneof(SMALLER, fc.constant([]), fc.uniqueArray(fc.nat({ max: 3 }), { minLength: 1, maxLength: 2 })),
        'waits',
      ),
      cancelAt: rarely(fc.integer({ min: 1, max: 12 }), 16),
      continueAfter: rarely(fc.integer({ min: 5, max: 12 }), 8),
    })
    .map(({ declares, token: wanted, kickOffWrong, statusWrong, pollNow, cancelAt, continueAfter, ...rest }) => ({
      ...rest,
      kickOff: [...rest.kickOff, ...(kickOffWrong === undefined ? [] : [kickOffWrong])],
      status: [...rest.status, ...(statusWrong === undefined ? [] : [statusWrong])],
      // HAPI FHIR is no server of IG 4.
      ...(declares === undefined || (declares === 4 && rest.reads === 'hapi') ? {} : { declares }),
      needsToken: rest.needsToken && wanted !== undefined,
      files: rest.organised ? rest.files.map(withoutType) : rest.files,
      ...(wanted === undefined ? {} : { token: wanted }),
      interventions: {
        pollNow,
        ...(cancelAt === undefined ? {} : { cancelAt }),
        ...(continueAfter === undefined ? {} : { continueAfter }),
      },
    }));
}

/** A large file whose transfer breaks once and has another version then, fetched by two attempts at the same time. */
function overtaken(reach: Reach): fc.Arbitrary<Case> {
  const troubles: Trouble[] = [{ kind: 'break', at: 0.9 }];
  const large = {
    lines: 10,
    padding: 1_000_000,
    validator: 'strong',
    coding: 'never',
    ranges: 'honoured',
    length: 'right',
  } as const;
  return fc.record({ one: about('request', reach), changes: fc.constantFrom([1], []) }).map(({ one, changes }) => ({
    ...one,
    types: [],
    filters: [],
    kickOff: [],
    status: [],
    workers: 2 as const,
    slots: 2,
    attachments: 'none' as const,
    files: one.files.slice(0, 1).map((file) => ({ ...file, ...large, kind: 'output' as const, troubles, changes })),
    interventions: { pollNow: [], overtaken: true as const },
  }));
}

/** Where files are organised by something else, resources of every type are right. */
function withoutType({ defect, ...rest }: FileCase): FileCase {
  return { ...rest, ...(defect === undefined || defect.what === 'other type' ? {} : { defect }) };
}
