import { pick, type Random } from './random.ts';
import { date, meta, moment, type HospitalRecord } from './record.ts';

const snomed = 'http://snomed.info/sct';
const codes = [
  ['38341003', 'Hypertensive disorder'],
  ['195967001', 'Asthma'],
  ['73211009', 'Diabetes mellitus'],
  ['13645005', 'Chronic obstructive lung disease'],
  ['22298006', 'Myocardial infarction'],
] as const;
const notDiabetes = codes.filter(([code]) => code !== '73211009');

/** `diabetes`: the patient belongs to the group of that name, so the first condition says so and no other patient's does. */
export function conditionRecord(random: Random, index: number, number: number, diabetes: boolean): HospitalRecord {
  const id = `cond-${index + 1}-${number}`;
  const lastUpdated = moment(random);
  const status = pick(random, ['active', 'active', 'resolved', 'inactive']);
  const [code, display] = diabetes && number === 1 ? codes[2] : pick(random, notDiabetes);
  // One in four is as short as a Condition gets: clients also meet lines of little more than 200 bytes.
  const details =
    random() < 0.25
      ? ''
      : `,"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-category",` +
        `"code":"problem-list-item"}]}],"onsetDateTime":"${date(lastUpdated - 86400_000)}",` +
        `"note":[{"text":"Reviewed.\\nPlan: \\"as before\\" \\\\ follow-up in 6\\u00a0months \\ud83d\\udc4d"}]`;
  return {
    type: 'Condition',
    id,
    patient: index,
    lastUpdated,
    search: {
      'clinical-status': [status],
      code: [`${snomed}|${code}`],
      category: details === '' ? [] : ['problem-list-item'],
    },
    text:
      `{"resourceType":"Condition","id":"${id}",${meta(lastUpdated)},"clinicalStatus":{"coding":[{"code":"${status}"}]},` +
      `"code":{"coding":[{"system":"${snomed}","code":"${code}","display":"${display}"}]},` +
      `"subject":{"reference":"Patient/pat-${index + 1}"}${details}}`,
  };
}
