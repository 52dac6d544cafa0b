import { hapi } from './hapi.ts';
import type { Profile } from './profile.ts';

/** Smile CDR is HAPI FHIR with an operator's interface; what is known of HAPI FHIR was not tried with it. */
export const smile: Profile = {
  name: 'smile',
  product: 'Smile CDR',
  settings: Object.fromEntries(
    Object.entries(hapi.settings).map(([name, fact]) => [name, { ...fact, unverified: true }]),
  ) as Profile['settings'],
  notes: hapi.notes.map((note) => ({ ...note, unverified: true })),
};
