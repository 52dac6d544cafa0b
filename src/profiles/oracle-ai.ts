import type { Profile } from './profile.ts';
import { factsFrom } from './profile.ts';

const group = factsFrom('docs.oracle.com, AI suite op-group-group_id-export-get (aibda)', '2026-11-29');
const bulk = factsFrom('docs.oracle.com, AI suite "Bulk Data Access" (aibda)', '2026-11-25');

export const oracleAi: Profile = {
  name: 'oracle-ai',
  product: 'Oracle Health AI suite',
  settings: {
    levels: factsFrom('docs.oracle.com, AI suite "Bulk Data Access" (aibda)', '2026-11-29')(['group']),
    unsupportedParameters: group(['_typeFilter', '_elements', 'includeAssociatedData', 'patient']),
  },
  notes: [bulk('Bulk Data 2.0.0.')],
};
