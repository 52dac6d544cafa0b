import { patientId } from './patient.ts';
import { meta, type HospitalRecord } from './record.ts';

/** A group of patients that can be exported; membership follows from the patient's index. */
export type Group = { id: string; name: string; has: (patient: number) => boolean };

/** Every fourth patient, beginning with `pat-2`, has diabetes. */
export function hasDiabetes(patient: number): boolean {
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
