import { hapi } from './hapi.ts';
import type { Profile } from './profile.ts';

/** Smile CDR is HAPI FHIR with an operator's interface. */
export const smile: Profile = {
  name: 'smile',
  product: 'Smile CDR',
  settings: hapi.settings,
  notes: hapi.notes,
};
