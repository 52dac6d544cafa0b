/** One resource of the hospital: its line of an NDJSON file, and the values by which requests select it. */
export type HospitalRecord = {
  type: string;
  id: string;
  /** Index of the patient whose compartment holds it; absent for supporting resources. */
  patient?: number;
  /** `meta.lastUpdated` in milliseconds since 1970. */
  lastUpdated: number;
  /** Search values by parameter name, for `_typeFilter`. Tokens are `system|code` or `code`; dates are text. */
  search: Record<string, readonly string[]>;
  /** The JSON text without the newline. Text and not an object, so that decimals keep their digits. */
  text: string;
};

const firstUpdate = Date.UTC(2019, 0, 1);
const lastUpdate = Date.UTC(2024, 11, 31);

/** A moment between 2019 and 2024: fixed years, so that the data do not depend on today's date. */
export function moment(random: Random): number {
  return firstUpdate + Math.floor(random() * (lastUpdate - firstUpdate));
}

/** The `meta` member of a resource as JSON text. */
export function meta(lastUpdated: number, version = 1): string {
  return `"meta":{"versionId":"${version}","lastUpdated":"${new Date(lastUpdated).toISOString()}"}`;
}

/** A FHIR date, `2021-03-04`. */
export function date(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

/** A source of numbers in [0, 1). */
export type Random = () => number;

/** A repeatable source (mulberry32): the same keys give the same numbers on every machine. */
export function randomFrom(...keys: number[]): Random {
  let state = 0x9e3779b9;
  for (const key of keys) state = Math.imul(state ^ (key + 0x7f4a7c15), 0x85ebca6b) ^ (state >>> 13);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** One element of a list that is not empty. */
export function pick<T>(random: Random, list: readonly T[]): T {
  return list[Math.floor(random() * list.length)] as T;
}

/** A whole number from `min` to `max`, both included. */
export function whole(random: Random, min: number, max: number): number {
  return min + Math.floor(random() * (max - min + 1));
}
