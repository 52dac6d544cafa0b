import { cities, familyNames, givenNames } from './names.ts';
import { pick, randomFrom } from './random.ts';
import { meta, moment, type HospitalRecord } from './record.ts';

/** The supporting resources that belong to no patient: 3 organizations and 20 practitioners. */
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
