import type { Profile } from './profile.ts';
import { factsFrom } from './profile.ts';

const bulk = factsFrom('docs.oracle.com, AI suite "Bulk Data Access" (aibda)', '2026-11-25');

export const oracleAi: Profile = {
  name: 'oracle-ai',
  product: 'Oracle Health AI suite',
  settings: { unsupportedParameters: bulk(['_typeFilter', 'includeAssociatedData']) },
  notes: [bulk('Bulk Data 2.0.0.')],
};
