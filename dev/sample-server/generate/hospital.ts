import { allergyIntoleranceRecord } from './allergy-intolerance.ts';
import { attachment, type Attachment } from './attachment.ts';
import { conditionRecord } from './condition.ts';
import { directoryRecords } from './directory.ts';
import { documentReferenceRecord } from './document-reference.ts';
import { encounterRecord } from './encounter.ts';
import { groupRecord, groups, hasDiabetes, type Group } from './groups.ts';
import { medicationRequestRecord } from './medication-request.ts';
import { observationRecord } from './observation.ts';
import { patientId, patientRecord } from './patient.ts';
import { randomFrom, whole } from './random.ts';
import { moment, type HospitalRecord } from './record.ts';

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
/** Types outside of it that Patient and Group exports bring along. */
export const supportingTypes = ['Organization', 'Practitioner'] as const;
/** Every type of the hospital. */
export const hospitalTypes: readonly string[] = [...compartmentTypes, ...supportingTypes, 'Group'];

/** A resource that is no longer there. */
export type Deletion = { type: string; id: string; patient: number; at: number };

/** What happened to patients while the server was running. */
export type Change = { at: number; updated: number[]; deleted: number[] };

export type HospitalOptions = { seed: number; patients: number; attachmentBase: string };

/** The generated hospital. Nothing is kept: each patient's records are made from the seed when they are asked for. */
export class Hospital {
  readonly changes: Change[] = [];
  readonly #options: HospitalOptions;

  constructor(options: HospitalOptions) {
    this.#options = options;
  }

  get patients(): number {
    return this.#options.patients;
  }

  /** The index of a patient that exists and has not been deleted. */
  patientIndex(id: string): number | undefined {
    const number = Number(/^pat-([1-9][0-9]*)$/.exec(id)?.[1]);
    if (!(number <= this.patients) || this.deletedAt(number - 1) !== undefined) return undefined;
    return number - 1;
  }

  group(id: string): Group | undefined {
    return groups.find((group) => group.id === id);
  }

  groupRecords(): HospitalRecord[] {
    return groups.map((group) => groupRecord(group, this.patients));
  }

  directory(): HospitalRecord[] {
    return directoryRecords(this.#options.seed);
  }

  /** When {@link Change} took this patient away. */
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

  /** Resources deleted long ago (one for every two patients) and those that {@link Change} deleted. */
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

  /** Updates the first `updated` patients that are still there, and deletes the last `deleted` ones. */
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
