import type { HospitalRecord } from '../generate/record.ts';
import { hospitalTypes } from '../generate/hospital.ts';

/** Search parameters by type that `_typeFilter` may use. */
export const searchParameters: Record<string, readonly string[]> = {
  Patient: ['_id', 'gender', 'birthdate', 'family'],
  Encounter: ['_id', 'status', 'class', 'date'],
  Condition: ['_id', 'clinical-status', 'code', 'category'],
  Observation: ['_id', 'status', 'category', 'code', 'date'],
  MedicationRequest: ['_id', 'status', 'intent', 'code', 'authoredon'],
  AllergyIntolerance: ['_id', 'criticality'],
  DocumentReference: ['_id', 'status', 'date'],
  Group: ['_id', 'identifier'],
};
const dates = ['birthdate', 'date', 'authoredon'];

/** A filter in its parts: all conditions hold, each by one of its values. */
export type TypeFilter = { type: string; conditions: { name: string; values: string[] }[] };

/** Reads `Type?query`; a text says what is wrong with it. */
export function parseTypeFilter(filter: string): TypeFilter | string {
  const [, type = '', query = ''] = /^([A-Za-z]+)\?(.+)$/.exec(filter) ?? [];
  if (!hospitalTypes.includes(type)) return `_typeFilter "${filter}" does not begin with one supported type and ?`;
  const conditions = [...new URLSearchParams(query)].map(([name, value]) => ({ name, values: value.split(',') }));
  const bad = conditions.find(({ name }) => !searchParameters[type]?.includes(name));
  if (bad !== undefined) return `_typeFilter for ${type}: search parameter "${bad.name}" is not supported`;
  return { type, conditions };
}

/** Whether a record passes: filters for one type are alternatives, and types without a filter are unaffected. */
export function passesTypeFilters(record: HospitalRecord, filters: TypeFilter[]): boolean {
  const own = filters.filter((filter) => filter.type === record.type);
  return own.length === 0 || own.some((filter) => filter.conditions.every((condition) => holds(record, condition)));
}

function holds(record: HospitalRecord, { name, values }: TypeFilter['conditions'][number]): boolean {
  const have = name === '_id' ? [record.id] : (record.search[name] ?? []);
  const same = dates.includes(name) ? sameDate : sameToken;
  return values.some((wanted) => have.some((value) => same(value, wanted)));
}

function sameToken(value: string, wanted: string): boolean {
  return value === wanted || (!wanted.includes('|') && value.slice(value.indexOf('|') + 1) === wanted);
}

function sameDate(value: string, wanted: string): boolean {
  const [, prefix, day = ''] = /^(ge|gt|le|lt)?(.*)$/.exec(wanted) ?? [];
  // Cut to the precision that was asked for, so that the comparison of texts is one of dates.
  const own = value.slice(0, day.length);
  if (prefix === 'ge') return own >= day;
  if (prefix === 'gt') return own > day;
  if (prefix === 'le') return own <= day;
  if (prefix === 'lt') return own < day;
  return own === day;
}
