import type { Profile } from './profile.ts';
import { factsFrom } from './profile.ts';

const wiki = factsFrom('CMSgov/ab2d, wiki of 2026-08-07', '2026-11-25');
const access = factsFrom('CMSgov/ab2d, access-production-claims-data.md', '2026-11-25');
const filters = factsFrom('CMSgov/ab2d, filter-claims-data-v2.md', '2026-11-25');

export const ab2d: Profile = {
  name: 'ab2d',
  product: 'AB2D (CMS)',
  sign: { value: { software: 'AB2D' }, source: 'CMSgov/ab2d, source', date: '2026-11-28' },
  settings: {
    maxConcurrentExports: { value: 1, source: 'CMSgov/ab2d PR 86', date: '2026-11-25' },
    maxDownloadsPerFile: access(6),
    filesKeptHours: access(72),
    sinceByDefault: filters(true),
    shortestPollSeconds: { value: 60, source: 'CMSgov/ab2d PR 17 and its sample clients', date: '2026-11-25' },
  },
  notes: [
    wiki('v3, for early adopters, adds `_typeFilter`.'),
    wiki('A job that takes more than 30 hours fails.'),
    filters('Without `_since`, v2 exports what is new since the last job whose files were downloaded.'),
    { ...wiki('Clients need a registered static IP address.'), unverified: true },
  ],
};
