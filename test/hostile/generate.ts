import * as fc from 'fast-check';
import type { Case, FileCase, Links, Refusal, Trouble } from './case.ts';
import type { Reach } from './generate/choices.ts';
import { SMALLER, mostly, rarely, refusal } from './generate/choices.ts';
import type { About } from './generate/file.ts';
import { TYPES, file } from './generate/file.ts';
import { SHORT, STEADY, links } from './generate/links.ts';
import { token } from './generate/token.ts';

const FILTERS = [
  'Patient?name=Müller',
  'Patient?gender=male',
  'Observation?code=%C3%A4',
  'Condition?note=日本',
] as const;

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
