import type { HospitalRecord } from '../generate/record.ts';

// FHIR R4 elements with a minimum of 1, which servers SHOULD keep (Bulk Data IG, `_elements`).
const mandatory: Record<string, readonly string[]> = {
  Encounter: ['status', 'class'],
  Condition: ['subject'],
  Observation: ['status', 'code'],
  MedicationRequest: ['status', 'intent', 'medicationCodeableConcept', 'subject'],
  AllergyIntolerance: ['patient'],
  DocumentReference: ['status', 'content'],
  Group: ['type', 'actual'],
};
const always = ['resourceType', 'id', 'meta'];
const subsetted = '"tag":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}]';

/** A record with only the requested (`name` or `Patient.name`) and the mandatory elements, tagged SUBSETTED. */
export function subset(record: HospitalRecord, elements: string[]): string {
  const own = elements.filter((element) => !element.includes('.') || element.startsWith(`${record.type}.`));
  // Elements of other types do not affect this one.
  if (own.length === 0) return record.text;
  const names = own.map((element) => element.split('.').at(-1) ?? '');
  const keep = [...rootMembers(record.text)].filter(
    ([name]) =>
      always.includes(name) ||
      mandatory[record.type]?.includes(name) ||
      names.some((wanted) => name === wanted || isChoice(name, wanted)),
  );
  const members = keep.map(
    ([name, json]) => `"${name}":${name === 'meta' ? `${json.slice(0, -1)},${subsetted}}` : json}`,
  );
  return `{${members.join(',')}}`;
}

/** `value` stands for `valueQuantity` and the like. */
function isChoice(name: string, wanted: string): boolean {
  return name.startsWith(wanted) && /^[A-Z]/.test(name.slice(wanted.length));
}

/** The members of a JSON object as text, because parsing and writing would change decimals such as 1.10. */
function* rootMembers(text: string): Generator<[name: string, json: string]> {
  const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g;
  let depth = 0;
  let name: string | undefined;
  let start = 0;
  for (const { 0: found, index } of text.matchAll(token)) {
    if (depth === 1 && name === undefined && found.startsWith('"')) name = found.slice(1, -1);
    else if (depth === 1 && found === ':') start = index + 1;
    else if (depth === 1 && (found === ',' || found === '}') && name !== undefined) {
      yield [name, text.slice(start, index)];
      name = undefined;
    }
    if (found === '{' || found === '[') depth += 1;
    if (found === '}' || found === ']') depth -= 1;
  }
}
