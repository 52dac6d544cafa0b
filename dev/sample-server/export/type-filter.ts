import { hospitalTypes } from '../generate/hospital.ts';
import type { HospitalRecord } from '../generate/record.ts';

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

/** A filter in its parts: a record must meet every condition with one of its values. */
export type TypeFilter = { kind: 'filter'; type: string; conditions: { name: string; values: string[] }[] };

/** Reads `Type?query`; `text` says why the server does not support it. */
export function parseTypeFilter(filter: string): TypeFilter | { kind: 'unsupported'; text: string } {
  const unsupported = (text: string) => ({ kind: 'unsupported', text }) as const;
  const [, type = '', query = ''] = /^([A-Za-z]+)\?(.+)$/.exec(filter) ?? [];
  if (!hospitalTypes.includes(type)) {
    return unsupported(`_typeFilter "${filter}" does not begin with one supported type and ?`);
  }
  const conditions = [...new URLSearchParams(query)].map(([name, value]) => ({ name, values: value.split(',') }));
  const bad = conditions.find(({ name }) => !searchParameters[type]?.includes(name));
  if (bad !== undefined) {
    return unsupported(`_typeFilter for ${type}: search parameter "${bad.name}" is not supported`);
  }
  return { kind: 'filter', type, conditions };
}

/** Whether a record passes: filters for one type are alternatives, and types without a filter are unaffected. */
export function passesTypeFilters(record: HospitalRecord, filters: TypeFilter[]): boolean {
  const own = filters.filter((filter) => filter.type === record.type);
  return own.length === 0 || own.some((filter) => filter.conditions.every((condition) => holds(record, condition)));
}

function holds(record: HospitalRecord, { name, values }: TypeFilter['conditions'][number]): boolean {
  const own = name === '_id' ? [record.id] : (record.search[name] ?? []);
  const same = dates.includes(name) ? sameDate : sameToken;
  return values.some((wanted) => own.some((value) => same(value, wanted)));
}

function sameToken(value: string, wanted: string): boolean {
  return value === wanted || (!wanted.includes('|') && value.slice(value.indexOf('|') + 1) === wanted);
}

function sameDate(value: string, wanted: string): boolean {
  const [, prefix, day = ''] = /^(ge|gt|le|lt)?(.*)$/.exec(wanted) ?? [];
  // Cut to the precision of the filter, so that comparing texts compares dates.
  const own = value.slice(0, day.length);
  if (prefix === 'ge') return own >= day;
  if (prefix === 'gt') return own > day;
  if (prefix === 'le') return own <= day;
  if (prefix === 'lt') return own < day;
  return own === day;
}
