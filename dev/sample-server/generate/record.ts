import type { Random } from './random.ts';

/** One resource of the hospital, as the line that goes into an NDJSON file, with what selection needs to know. */
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

/** A moment between 2019 and 2024; fixed years, so that the data do not depend on the day they are made. */
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
