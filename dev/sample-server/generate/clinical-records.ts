import { date, meta, moment, pick, whole, type HospitalRecord, type Random } from './record.ts';

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

const snomed = 'http://snomed.info/sct';
const conditions = [
  ['38341003', 'Hypertensive disorder'],
  ['195967001', 'Asthma'],
  ['73211009', 'Diabetes mellitus'],
  ['13645005', 'Chronic obstructive lung disease'],
  ['22298006', 'Myocardial infarction'],
] as const;
const notDiabetes = conditions.filter(([code]) => code !== '73211009');

/** `diabetes`: the patient belongs to the group of that name; their first condition says so, and only theirs. */
export function conditionRecord(random: Random, index: number, number: number, diabetes: boolean): HospitalRecord {
  const id = `cond-${index + 1}-${number}`;
  const lastUpdated = moment(random);
  const status = pick(random, ['active', 'active', 'resolved', 'inactive']);
  const [code, display] = diabetes && number === 1 ? conditions[2] : pick(random, notDiabetes);
  // One in four is as short as a Condition can be: clients also receive lines of little more than 200 bytes.
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

const loinc = 'http://loinc.org';
const laboratory = [
  ['2339-0', 'Glucose', 'mg/dL'],
  ['4548-4', 'Hemoglobin A1c', '%'],
  ['2160-0', 'Creatinine', 'mg/dL'],
  ['6690-2', 'Leukocytes', '10*3/uL'],
] as const;
// FHIR decimals carry their precision, so a client that parses and rewrites numbers damages these.
const decimals = ['1.10', '0.0100', '12345678901234567890.5', '-0.50', '6.300', '98.60', '1.0E-7', '140'];

export function observationRecord(random: Random, index: number, number: number): HospitalRecord {
  const id = `obs-${index + 1}-${number}`;
  const lastUpdated = moment(random);
  const effective = new Date(lastUpdated - whole(random, 1, 90) * 60_000).toISOString();
  const status = pick(random, ['final', 'final', 'final', 'amended', 'preliminary']);
  const isVital = random() < 0.35;
  const [code, display, unit] = isVital ? (['85354-9', 'Blood pressure', 'mm[Hg]'] as const) : pick(random, laboratory);
  const category = isVital ? 'vital-signs' : 'laboratory';
  return {
    type: 'Observation',
    id,
    patient: index,
    lastUpdated,
    search: { status: [status], category: [category], code: [`${loinc}|${code}`], date: [effective] },
    text:
      `{"resourceType":"Observation","id":"${id}",${meta(lastUpdated)},"status":"${status}","category":[{"coding":` +
      `[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"${category}"}]}],` +
      `"code":{"coding":[{"system":"${loinc}","code":"${code}","display":"${display}"}]},` +
      `"subject":{"reference":"Patient/pat-${index + 1}"},"encounter":{"reference":"Encounter/enc-${index + 1}-1"},` +
      `"effectiveDateTime":"${effective}",${isVital ? pressure(random) : value(random, unit)}}`,
  };
}

function value(random: Random, unit: string): string {
  if (random() < 0.02) return waveform(random);
  return `"valueQuantity":${quantity(pick(random, decimals), unit)}`;
}

function pressure(random: Random): string {
  const part = (code: string, low: number, high: number) =>
    `{"code":{"coding":[{"system":"${loinc}","code":"${code}"}]},` +
    `"valueQuantity":${quantity(`${whole(random, low, high)}.0`, 'mm[Hg]')}}`;
  return `"component":[${part('8480-6', 90, 180)},${part('8462-4', 50, 110)}]`;
}

function quantity(number: string, unit: string): string {
  return `{"value":${number},"unit":"${unit}","system":"http://unitsofmeasure.org","code":"${unit}"}`;
}

/** Sampled data: lines of 3 to 30 KB between the short ones. */
function waveform(random: Random): string {
  const samples = Array.from({ length: 50 }, () => whole(random, -999, 999)).join(' ');
  const data = Array.from({ length: whole(random, 15, 140) }, () => samples).join(' ');
  return `"valueSampledData":{"origin":{"value":0.0},"period":4.0,"dimensions":1,"data":"${data}"}`;
}

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
