import { pick, whole, type Random } from './random.ts';
import { meta, moment, type HospitalRecord } from './record.ts';

const classes = ['AMB', 'IMP', 'EMER', 'VR'];

export function encounterRecord(random: Random, index: number, number: number): HospitalRecord {
  const id = `enc-${index + 1}-${number}`;
  const lastUpdated = moment(random);
  const status = pick(random, ['finished', 'finished', 'finished', 'in-progress', 'unknown']);
  const kind = pick(random, classes);
  const start = new Date(lastUpdated - whole(random, 1, 300) * 3600_000).toISOString();
  return {
    type: 'Encounter',
    id,
    patient: index,
    lastUpdated,
    search: { status: [status], class: [kind], date: [start] },
    text:
      `{"resourceType":"Encounter","id":"${id}",${meta(lastUpdated)},"status":"${status}","class":` +
      `{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"${kind}"},` +
      `"subject":{"reference":"Patient/pat-${index + 1}"},"participant":[{"individual":` +
      `{"reference":"Practitioner/prac-${whole(random, 1, 20)}"}}],"period":{"start":"${start}",` +
      `"end":"${new Date(lastUpdated).toISOString()}"},"serviceProvider":{"reference":"Organization/org-1"}}`,
  };
}
