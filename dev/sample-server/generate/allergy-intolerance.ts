import { pick, type Random } from './random.ts';
import { meta, moment, type HospitalRecord } from './record.ts';

const substances = ['Penicillin', 'Erdnüsse 🥜', 'Latex', 'Яичный белок'].map((text) => JSON.stringify(text));

export function allergyIntoleranceRecord(random: Random, index: number, number: number): HospitalRecord {
  const id = `alg-${index + 1}-${number}`;
  const lastUpdated = moment(random);
  const criticality = pick(random, ['low', 'high']);
  return {
    type: 'AllergyIntolerance',
    id,
    patient: index,
    lastUpdated,
    search: { criticality: [criticality] },
    text:
      `{"resourceType":"AllergyIntolerance","id":"${id}",${meta(lastUpdated)},"criticality":"${criticality}",` +
      `"code":{"text":${pick(random, substances)}},"patient":{"reference":"Patient/pat-${index + 1}"}}`,
  };
}
