import { cities, familyNames, givenNames } from './names.ts';
import { pick, whole, type Random } from './random.ts';
import { date, meta, type HospitalRecord } from './record.ts';

/** The id of the patient with this index; the first one is `pat-1`. */
export function patientId(index: number): string {
  return `pat-${index + 1}`;
}

export function patientRecord(random: Random, index: number, lastUpdated: number, version: number): HospitalRecord {
  const id = patientId(index);
  const gender = pick(random, ['female', 'male', 'other', 'unknown']);
  const birthDate = date(Date.UTC(1925 + whole(random, 0, 95), whole(random, 0, 11), whole(random, 1, 28)));
  const family = pick(random, familyNames);
  const address =
    random() < 0.7
      ? `,"address":[{"use":"home","line":["${whole(random, 1, 400)} Fjord Street"],"city":${pick(random, cities)},` +
        `"postalCode":"${whole(random, 10000, 99999)}","country":"XX"}]`
      : '';
  return {
    type: 'Patient',
    id,
    patient: index,
    lastUpdated,
    search: { gender: [gender], birthdate: [birthDate], family: [JSON.parse(family) as string] },
    text:
      `{"resourceType":"Patient","id":"${id}",${meta(lastUpdated, version)},` +
      `"identifier":[{"system":"urn:oid:2.999.1","value":"MRN${String(index + 1).padStart(8, '0')}"}],` +
      `"active":${random() < 0.95},"name":[{"use":"official","family":${family},` +
      `"given":[${pick(random, givenNames)},${pick(random, givenNames)}]}],` +
      `"telecom":[{"system":"phone","value":"+00 555 ${whole(random, 1000, 9999)}"}],"gender":"${gender}",` +
      `"birthDate":"${birthDate}"${address},"managingOrganization":{"reference":"Organization/org-1"}}`,
  };
}
