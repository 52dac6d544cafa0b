import {
  allergyIntoleranceRecord,
  conditionRecord,
  encounterRecord,
  medicationRequestRecord,
  observationRecord,
} from './clinical-records.ts';
import { attachment, documentReferenceRecord, type Attachment } from './documents.ts';
import { directoryRecords, patientId, patientRecord } from './people.ts';
import { meta, moment, randomFrom, whole, type HospitalRecord } from './record.ts';

/** Types in the Patient Compartment, in the order in which they are exported. */
export const compartmentTypes = [
  'Patient',
  'Encounter',
  'Condition',
  'Observation',
  'MedicationRequest',
  'AllergyIntolerance',
  'DocumentReference',
] as const;
/** Types outside it that Patient and Group exports include. */
export const supportingTypes = ['Organization', 'Practitioner'] as const;
/** Every type of the hospital. */
export const hospitalTypes: readonly string[] = [...compartmentTypes, ...supportingTypes, 'Group'];

/** A group of patients that clients can export; membership follows from the patient's index. */
export type Group = { id: string; name: string; has: (patient: number) => boolean };

/** Every fourth patient, beginning with `pat-2`, has diabetes. */
function hasDiabetes(patient: number): boolean {
  return patient % 4 === 1;
}

export const groups: readonly Group[] = [
  { id: 'all', name: 'All patients', has: () => true },
  { id: 'diabetes', name: 'Patients with diabetes', has: hasDiabetes },
  { id: 'cardiology', name: 'Cardiology ward', has: (patient) => patient % 7 === 3 },
  { id: 'empty', name: 'A group without members', has: () => false },
];

/** The Group resource with its members. */
export function groupRecord(group: Group, patients: number): HospitalRecord {
  const lastUpdated = Date.UTC(2023, 5, 1);
  const members: string[] = [];
  for (let index = 0; index < patients; index += 1) {
    if (group.has(index)) members.push(`{"entity":{"reference":"Patient/${patientId(index)}"}}`);
  }
  return {
    type: 'Group',
    id: group.id,
    lastUpdated,
    search: { identifier: [`urn:oid:2.999.2|${group.id}`] },
    text:
      `{"resourceType":"Group","id":"${group.id}",${meta(lastUpdated)},` +
      `"identifier":[{"system":"urn:oid:2.999.2","value":"${group.id}"}],"active":true,"type":"person","actual":true,` +
      `"name":"${group.name}","quantity":${members.length}${members.length > 0 ? `,"member":[${members.join(',')}]` : ''}}`,
  };
}

/** A resource that no longer exists. */
export type Deletion = { type: string; id: string; patient: number; at: number };

/** Patients, by index, who came into a group or left it. */
export type GroupChange = { id: string; added: number[]; removed: number[] };

/**
 * Patients, by index, that were updated or deleted while the server was running, or whose group has changed, which changes
 * nothing of their data; `at` in milliseconds since 1970.
 */
export type Change = { at: number; updated: number[]; deleted: number[]; group?: GroupChange };

/** `attachmentBase` stands before `Binary/…` in addresses of documents. */
export type HospitalOptions = { seed: number; patients: number; attachmentBase: string };

/** The generated hospital. Nothing is stored: each call makes a patient's records again from the seed. */
export class Hospital {
  readonly changes: Change[] = [];
  readonly #options: HospitalOptions;

  constructor(options: HospitalOptions) {
    this.#options = options;
  }

  get patients(): number {
    return this.#options.patients;
  }

  /** The index of a patient; undefined for one that does not exist or was deleted. */
  patientIndex(id: string): number | undefined {
    const number = Number(/^pat-([1-9][0-9]*)$/.exec(id)?.[1]);
    if (!(number <= this.patients) || this.deletedAt(number - 1) !== undefined) return undefined;
    return number - 1;
  }

  group(id: string): Group | undefined {
    return this.groups().find((group) => group.id === id);
  }

  /** All groups, with those who are their members now. */
  groups(): Group[] {
    return groups.map((group) => {
      const changes = this.changes.flatMap((change) => (change.group?.id === group.id ? [change.group] : [])).reverse();
      if (changes.length === 0) return group;
      const has = (index: number): boolean => {
        const last = changes.find(({ added, removed }) => added.includes(index) || removed.includes(index));
        return last?.added.includes(index) ?? group.has(index);
      };
      return { ...group, has };
    });
  }

  groupRecords(): HospitalRecord[] {
    return this.groups().map((group) => groupRecord(group, this.patients));
  }

  directory(): HospitalRecord[] {
    return directoryRecords(this.#options.seed);
  }

  /** When a {@link Change} deleted this patient, milliseconds since 1970. */
  deletedAt(index: number): number | undefined {
    return this.changes.find((change) => change.deleted.includes(index))?.at;
  }

  /** All resources of one patient, the Patient first. */
  *recordsOf(index: number): Generator<HospitalRecord> {
    const random = randomFrom(this.#options.seed, index);
    const updates = this.changes.filter((change) => change.updated.includes(index));
    const firstUpdate = moment(random);
    yield patientRecord(random, index, updates.at(-1)?.at ?? firstUpdate, updates.length + 1);
    const times = (most: number) => whole(random, 1, most);
    for (let number = 1, last = times(6); number <= last; number += 1) yield encounterRecord(random, index, number);
    for (let number = 1, last = times(4); number <= last; number += 1) {
      yield conditionRecord(random, index, number, hasDiabetes(index));
    }
    for (let number = 1, last = 4 + times(16); number <= last; number += 1) {
      yield observationRecord(random, index, number);
    }
    for (let number = 1, last = times(4); number <= last; number += 1) {
      yield medicationRequestRecord(random, index, number);
    }
    if (index % 2 === 0) yield allergyIntoleranceRecord(random, index, 1);
    for (let number = 1, last = index % 20 === 3 ? 3 : times(3); number <= last; number += 1) {
      yield documentReferenceRecord(random, index, number, this.#options);
    }
  }

  /** Resources that were deleted long ago (one for every two patients) or by a {@link Change}. */
  *deletions(): Generator<Deletion> {
    const random = randomFrom(this.#options.seed, -2);
    for (let patient = 0; patient < this.patients; patient += 1) {
      const at = moment(random);
      const type = compartmentTypes[(patient / 2) % compartmentTypes.length] ?? 'Patient';
      if (patient % 2 === 0) yield { type, id: `gone-${patient + 1}`, patient, at };
    }
    for (const { at, deleted } of this.changes) {
      for (const patient of deleted) {
        for (const { type, id } of this.recordsOf(patient)) yield { type, id, patient, at };
      }
    }
  }

  /** The document behind `Binary/[id]`. */
  binary(id: string): Attachment | undefined {
    const [, patient, number] = /^bin-([1-9][0-9]*)-([12])$/.exec(id) ?? [];
    if (patient === undefined || this.patientIndex(`pat-${patient}`) === undefined) return undefined;
    return attachment(this.#options.seed, Number(patient) - 1, Number(number));
  }

  /** Patients, by id, come into a group and leave it. */
  changeGroup(id: string, { add = [], remove = [] }: { add?: string[]; remove?: string[] }, at: number): void {
    const indexes = (ids: string[]): number[] => ids.map((one) => this.patientIndex(one) ?? Number.NaN);
    this.changes.push({
      at,
      updated: [],
      deleted: [],
      group: { id, added: indexes(add), removed: indexes(remove) },
    });
  }

  /** Updates the first `updated` patients that still exist, and deletes the last `deleted` ones. */
  change(counts: { updated?: number; deleted?: number }, at: number): void {
    const present: number[] = [];
    for (let index = 0; index < this.patients; index += 1) {
      if (this.patientIndex(patientId(index)) !== undefined) present.push(index);
    }
    const keep = present.length - (counts.deleted ?? 0);
    this.changes.push({
      at,
      updated: present.slice(0, counts.updated ?? 0),
      deleted: present.slice(Math.max(0, keep)),
    });
  }
}
