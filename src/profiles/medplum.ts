import type { Profile } from './profile.ts';
import { factsFrom } from './profile.ts';

const deletions = factsFrom('medplum/medplum issue 10479', '2026-11-25');

export const medplum: Profile = {
  name: 'medplum',
  product: 'Medplum',
  settings: { reportsDeletions: deletions(false) },
  notes: [
    { value: 'Older versions know no kick-off by POST.', source: 'medplum/medplum PR 7673', date: '2026-11-25' },
    { value: 'A job that was interrupted stays active.', source: 'medplum/medplum issue 10425', date: '2026-11-25' },
  ],
};
