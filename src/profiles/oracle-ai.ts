import type { Profile } from './profile.ts';
import { factsFrom } from './profile.ts';

const docs = 'https://docs.oracle.com/en/industries/health/health-ai-application-suite/aibda';
const group = factsFrom(`${docs}/op-group-group_id-export-get.html`, '2026-11-29');
const bulk = factsFrom(`${docs}/bulk_data_access.html`, '2026-11-29');

export const oracleAi: Profile = {
  name: 'oracle-ai',
  product: 'Oracle Health AI suite',
  settings: {
    levels: bulk(['group']),
    unsupportedParameters: group(['_typeFilter', '_elements', 'includeAssociatedData', 'patient']),
  },
  notes: [bulk('Bulk Data 2.0.0.')],
};
