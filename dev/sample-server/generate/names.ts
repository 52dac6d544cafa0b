// Names that break a client which cuts between bytes, counts characters as bytes or re-encodes: several scripts,
// characters outside the Basic Multilingual Plane, combining marks, and the line separators U+2028 and U+2029 that
// JSON allows unescaped and a careless line splitter does not.
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

/** Name parts, already as JSON strings with quotes. */
export const familyNames = asJson(family);
export const givenNames = asJson(given);
export const cities = asJson(city);
