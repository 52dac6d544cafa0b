import { pick, whole, type Random } from './random.ts';
import { meta, moment, type HospitalRecord } from './record.ts';

const loinc = 'http://loinc.org';
const laboratory = [
  ['2339-0', 'Glucose', 'mg/dL'],
  ['4548-4', 'Hemoglobin A1c', '%'],
  ['2160-0', 'Creatinine', 'mg/dL'],
  ['6690-2', 'Leukocytes', '10*3/uL'],
] as const;
// FHIR decimals carry their precision, so a client that parses and writes numbers again damages these.
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
