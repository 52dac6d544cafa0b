import type { Profile } from './profile.ts';
import { factsFrom } from './profile.ts';

const issue = factsFrom('onc-healthit/onc-certification-g10-test-kit issue 420', '2026-11-25');

export const ecw: Profile = {
  name: 'ecw',
  product: 'eClinicalWorks',
  settings: { longestPollSeconds: issue(600) },
  notes: [issue('The first poll of a job that takes minutes is answered with `Retry-After: 7200`.')],
};
