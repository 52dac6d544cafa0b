import type { Hospital } from './generate/hospital.ts';
import type { JobStore } from './export/jobs.ts';
import type { Settings } from './options.ts';

/** What handlers work with. */
export type Context = {
  settings: Settings;
  hospital: Hospital;
  jobs: JobStore;
  /** `http://127.0.0.1:PORT` of the first and the second listener. */
  origins: { same: string; other: string };
  /** The FHIR base. */
  baseUrl: string;
};
