import type { Profile } from './profile.ts';
import { factsFrom, fileAt, issue } from './profile.ts';

const CODE = 'medplum/medplum';

export const medplum: Profile = {
  name: 'medplum',
  product: 'Medplum',
  sign: {
    value: { publisher: 'Medplum' },
    source: fileAt(CODE, '05b1fcb4a1713eb0168f0d570d1d4cf86f63dffd', 'packages/server/src/fhir/metadata.ts'),
    date: '2026-11-29',
  },
  settings: { reportsDeletions: factsFrom(issue(CODE, 10479), '2026-11-25')(false) },
  notes: [
    { value: 'Older versions know no kick-off by POST.', source: issue(CODE, 7673), date: '2026-11-25' },
    { value: 'A job that was interrupted stays active.', source: issue(CODE, 10425), date: '2026-11-25' },
  ],
};
