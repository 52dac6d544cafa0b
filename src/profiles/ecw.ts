import type { Profile } from './profile.ts';
import { factsFrom, issue } from './profile.ts';

const seen = factsFrom(issue('onc-healthit/onc-certification-g10-test-kit', 420), '2026-11-25');

export const ecw: Profile = {
  name: 'ecw',
  product: 'eClinicalWorks',
  settings: { longestPollSeconds: seen(600) },
  notes: [seen('The first poll of a job that takes minutes is answered with `Retry-After: 7200`.')],
};
