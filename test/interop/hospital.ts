/** A FHIR resource as it is loaded and as it is found again. */
export interface Resource {
  resourceType: string;
  id: string;
  [element: string]: unknown;
}

const FAMILIES = ['Müller', 'Ñandú', 'O’Brien', 'Smith', 'Łukasz', '李', 'Ünal, Jr.', 'García'];
const CITIES = ['Zürich', 'Curaçao', 'Boston'];
const CATEGORIES = ['laboratory', 'vital-signs', 'social-history'];

const PATIENTS = 60;
const IN_GROUP = 25;

/** The group that is exported. */
export const GROUP = 'diabetes';

/** A family name beyond ASCII. */
export const FILTERED_FAMILY = 'Ñandú';

/** A small hospital: resources that point at others come after them. */
export function makeHospital(): Resource[] {
  const patients = Array.from({ length: PATIENTS }, (_, number) => makePatient(number));
  const records = patients.flatMap((_, number) => [
    ...Array.from({ length: 2 }, (__, of) => makeCondition(number, of)),
    ...Array.from({ length: 6 }, (__, of) => makeObservation(number, of)),
  ]);
  const letters = Array.from({ length: 5 }, (_, number) => makeLetter(number));
  const members = patients.slice(0, IN_GROUP).map(({ id }) => ({ entity: { reference: `Patient/${id}` } }));
  const group = { resourceType: 'Group', id: GROUP, type: 'person', actual: true, member: members };
  return [...patients, ...records, ...letters.flat(), group];
}

/** What is added after the first export, for the incremental one. */
export function makeNews(): Resource[] {
  return [makePatient(PATIENTS), makeObservation(PATIENTS, 0), makeObservation(3, 100)];
}

/** Text of a letter, which the server keeps as a Binary. */
export function letterText(number: number): string {
  return `Dear colleague, patient ${number} is well. ${'á'.repeat(2000 * number)}`;
}

function makePatient(number: number): Resource {
  return {
    resourceType: 'Patient',
    id: `patient-${number}`,
    name: [{ family: FAMILIES[number % FAMILIES.length], given: [`Given${number}`] }],
    address: [{ city: CITIES[number % CITIES.length] }],
    gender: number % 2 === 0 ? 'female' : 'male',
  };
}

function makeCondition(patient: number, number: number): Resource {
  return {
    resourceType: 'Condition',
    id: `condition-${patient}-${number}`,
    subject: { reference: `Patient/patient-${patient}` },
    code: { coding: [{ system: 'http://snomed.info/sct', code: number === 0 ? '44054006' : '38341003' }] },
  };
}

function makeObservation(patient: number, number: number): Resource {
  const system = 'http://terminology.hl7.org/CodeSystem/observation-category';
  return {
    resourceType: 'Observation',
    id: `observation-${patient}-${number}`,
    status: 'final',
    subject: { reference: `Patient/patient-${patient}` },
    category: [{ coding: [{ system, code: CATEGORIES[number % CATEGORIES.length] }] }],
    code: { text: 'a value, with a comma' },
    valueQuantity: { value: number + 0.5, unit: 'mmol/L' },
  };
}

function makeLetter(number: number): Resource[] {
  const data = Buffer.from(letterText(number)).toString('base64');
  return [
    { resourceType: 'Binary', id: `letter-${number}`, contentType: 'text/plain', data },
    {
      resourceType: 'DocumentReference',
      id: `document-${number}`,
      status: 'current',
      subject: { reference: `Patient/patient-${number}` },
      content: [{ attachment: { contentType: 'text/plain', url: `Binary/letter-${number}` } }],
    },
  ];
}
