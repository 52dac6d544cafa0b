import type { Profile } from './profile.ts';

/** A server of which nothing is known. */
export const generic: Profile = { name: 'generic', product: 'any other', settings: {}, notes: [] };
