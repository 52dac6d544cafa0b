import { describe, expect, test } from 'vitest';
import { readGroupMembers } from '../../src/fhir/group-members.ts';

const BASE = 'https://fhir.example.org/r4';
const NOW = Date.parse('2026-06-15T12:00:00Z');

const read = (fields: object) =>
  readGroupMembers(JSON.stringify({ resourceType: 'Group', type: 'person', actual: true, ...fields }), BASE, NOW);
const entry = (reference: unknown, more: object = {}) => ({ entity: { reference }, ...more });
const membersOf = (...member: object[]) => {
  const found = read({ member });
  return found.kind === 'members' ? found.ids : found.why;
};

describe('the members of a Group', () => {
  test('are its patients, each once, however they are referred to', () => {
    expect(
      membersOf(
        entry('Patient/b'),
        entry(`${BASE}/Patient/a`),
        entry('Patient/b/_history/2'),
        entry('Practitioner/p'),
        entry('Device/d'),
      ),
    ).toEqual(['a', 'b']);
    expect(read({ quantity: 0 })).toEqual({ kind: 'members', ids: [] });
    expect(read({ quantity: 1, member: [entry('Patient/a')] })).toEqual({ kind: 'members', ids: ['a'] });
  });

  test.each([
    [true, { inactive: false }],
    [false, { inactive: true }],
    [true, { period: {} }],
    [true, { period: { start: '2026-06-13' } }],
    [true, { period: { start: '2026-06-15T11:00:00Z', end: '2026-06-15T13:00:00Z' } }],
    [false, { period: { end: '2026-06-15T11:59:00Z' } }],
    // In doubt: clocks differ, dates have no zone, and what is no date says nothing.
    [false, { period: { start: '2026-06-15T11:58:00Z' } }],
    [false, { period: { end: '2026-06-15T12:04:00Z' } }],
    [false, { period: { start: '2026-06-15' } }],
    [false, { period: { end: '2026-06-16' } }],
    [true, { period: { end: '2026-06-17' } }],
    [false, { period: { start: '2026-06' } }],
    [true, { period: { start: '2025' } }],
    [false, { period: { start: 'soon' } }],
    [false, { period: { end: 5 } }],
  ])('%s with %j', (isMember, more) => {
    expect(membersOf(entry('Patient/a', more))).toEqual(isMember ? ['a'] : []);
  });

  test('who has come back is one', () => {
    expect(membersOf(entry('Patient/a', { inactive: true }), entry('Patient/a'))).toEqual(['a']);
  });

  test.each<[RegExp, object]>([
    [/names no members/, {}],
    [/by characteristics/, { characteristic: [{}] }],
    [/no list/, { member: {} }],
    [/has 3 members and names 1/, { quantity: 3, member: [entry('Patient/a')] }],
    [/only a part/, { member: [entry('Patient/a')], meta: { tag: [null, { code: 'SUBSETTED' }] } }],
    [/without a reference/, { member: [{ entity: { identifier: { value: '1' } } }] }],
    [/without a reference/, { member: [null] }],
    [/elsewhere/, { member: [entry('https://other.example.org/Patient/a')] }],
    [/elsewhere/, { member: [entry('Patient?identifier=1')] }],
    [/are groups/, { member: [entry('Group/g')] }],
    [/no Group/, { resourceType: 'OperationOutcome' }],
  ])('are not known: %s', (why, fields) => {
    expect(read(fields)).toMatchObject({ kind: 'unknown', why: expect.stringMatching(why) as unknown });
  });

  test.each(['', '[]', 'null', '{"resourceType":"Gro'])('are not known of %j', (text) => {
    expect(readGroupMembers(text, BASE, NOW).kind).toBe('unknown');
  });
});
