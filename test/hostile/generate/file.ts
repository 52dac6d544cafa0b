import * as fc from 'fast-check';
import type { FileCase, Trouble } from '../case.ts';
import { DEFECTS, RANGES } from '../case.ts';
import type { Reach } from './choices.ts';
import { MINUTE, SMALLER, mostly, oftenNot, rarely, refusal } from './choices.ts';

export const TYPES = ['Patient', 'Observation', 'Condition', 'DocumentReference'] as const;
/** What a case is about; the rest of it is well-behaved, so that the export gets that far. */
const ABOUT = ['request', 'status', 'transfer', 'lines', 'links', 'queue', 'waits', 'all'] as const;
export type About = (typeof ABOUT)[number];

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

/** Any file, as wild as what the case is about. */
export function file(reach: Reach, among: (...subjects: About[]) => boolean): fc.Arbitrary<FileCase> {
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
