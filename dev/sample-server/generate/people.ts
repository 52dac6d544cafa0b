import { date, meta, moment, pick, randomFrom, whole, type HospitalRecord, type Random } from './record.ts';

// Names that break a client which cuts between bytes, counts characters as bytes or re-encodes: several scripts,
// characters outside the Basic Multilingual Plane, combining marks, and the line separator U+2028, which JSON allows
// unescaped and a careless line splitter takes for a line end.
const family = [
  'Ñandú',
  'Łódź',
  '山田',
  'Müller',
  "O'Connor",
  'García-Márquez',
  'Þórsdóttir',
  'Иванова',
  'Παπαδοπούλου',
  'de\u0301compose\u0301',
  'الحسيني',
  'कुमार',
  'Nguyễn',
  'Smith',
  'Jones "the\\Elder"',
  '𠮷野',
];
const given = [
  'Zoë',
  '日本語',
  'José',
  '👩‍⚕️ Ada',
  'Søren',
  'Anne\u2028Marie',
  'Ruth',
  'Дмитрий',
  'Ἑλένη',
  'Li\u0308nus',
  'Mary',
  '😀',
  'Tab\there',
  'Chloé',
];
const city = ['København', 'São Paulo', 'Kraków', '東京', 'Zürich', 'Boston', 'Québec', 'Αθήνα', 'Málaga'];

const asJson = (list: string[]) => list.map((text) => JSON.stringify(text));

// As JSON strings with quotes.
const familyNames = asJson(family);
const givenNames = asJson(given);
const cities = asJson(city);

/** The id of the patient with this index, counted from 0: the first one is `pat-1`. */
export function patientId(index: number): string {
  return `pat-${index + 1}`;
}

/** `version` counts the changes of the patient, from 1. */
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

/** The supporting resources, which belong to no patient: 3 organizations and 20 practitioners. */
export function directoryRecords(seed: number): HospitalRecord[] {
  const random = randomFrom(seed, -1);
  const organizations = [1, 2, 3].map((number): HospitalRecord => {
    const lastUpdated = moment(random);
    return {
      type: 'Organization',
      id: `org-${number}`,
      lastUpdated,
      search: {},
      text:
        `{"resourceType":"Organization","id":"org-${number}",${meta(lastUpdated)},"active":true,` +
        `"name":"Hôpital № ${number}","address":[{"city":${pick(random, cities)}}]}`,
    };
  });
  const practitioners = Array.from({ length: 20 }, (_, index): HospitalRecord => {
    const lastUpdated = moment(random);
    return {
      type: 'Practitioner',
      id: `prac-${index + 1}`,
      lastUpdated,
      search: {},
      text:
        `{"resourceType":"Practitioner","id":"prac-${index + 1}",${meta(lastUpdated)},"name":[{"family":` +
        `${pick(random, familyNames)},"given":[${pick(random, givenNames)}],"prefix":["Dr."]}]}`,
    };
  });
  return [...organizations, ...practitioners];
}
