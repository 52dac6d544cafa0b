import type { JobStore } from './export/jobs.ts';
import type { Hospital } from './generate/hospital.ts';
import type { Settings } from './options.ts';

/** The state of a server, which every handler receives. */
export type Context = {
  settings: Settings;
  hospital: Hospital;
  jobs: JobStore;
  /** `http://127.0.0.1:PORT` of the first and the second listener. */
  origins: { same: string; other: string };
  /** The FHIR base URL, without a slash at the end. */
  baseUrl: string;
};
