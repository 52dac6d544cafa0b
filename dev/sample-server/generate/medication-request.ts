import { pick, whole, type Random } from './random.ts';
import { date, meta, moment, type HospitalRecord } from './record.ts';

const rxNorm = 'http://www.nlm.nih.gov/research/umls/rxnorm';
const drugs = [
  ['860975', 'Metformin 500 MG'],
  ['314076', 'Lisinopril 10 MG'],
  ['617312', 'Atorvastatin 20 MG'],
  ['1049502', 'Oxycodone 10 MG'],
] as const;

export function medicationRequestRecord(random: Random, index: number, number: number): HospitalRecord {
  const id = `med-${index + 1}-${number}`;
  const lastUpdated = moment(random);
  const status = pick(random, ['active', 'completed', 'stopped', 'on-hold']);
  const intent = pick(random, ['order', 'order', 'plan']);
  const [code, display] = pick(random, drugs);
  const authored = date(lastUpdated);
  return {
    type: 'MedicationRequest',
    id,
    patient: index,
    lastUpdated,
    search: { status: [status], intent: [intent], code: [`${rxNorm}|${code}`], authoredon: [authored] },
    text:
      `{"resourceType":"MedicationRequest","id":"${id}",${meta(lastUpdated)},"status":"${status}","intent":"${intent}",` +
      `"medicationCodeableConcept":{"coding":[{"system":"${rxNorm}","code":"${code}","display":"${display}"}]},` +
      `"subject":{"reference":"Patient/pat-${index + 1}"},"authoredOn":"${authored}",` +
      `"requester":{"reference":"Practitioner/prac-${whole(random, 1, 20)}"},"dosageInstruction":[{"doseAndRate":` +
      `[{"doseQuantity":{"value":${pick(random, ['0.50', '1.0', '2', '0.0250'])},"unit":"µg/kg"}}]}]}`,
  };
}
