import type { Profile } from './profile.ts';
import { factsFrom } from './profile.ts';

const issue = (number: number) => factsFrom(`LinuxForHealth/FHIR issue ${number}`, '2026-11-25');

export const linuxforhealth: Profile = {
  name: 'linuxforhealth',
  product: 'LinuxForHealth FHIR Server',
  settings: {},
  notes: [
    issue(2874)('`requiresAccessToken` was always `true`, although files are plain S3 URLs.'),
    issue(2714)('File URLs came without a host.'),
    issue(2419)('The status of a job may never become complete.'),
    issue(2715)('The manifest may lack `error`.'),
    issue(3034)('After DELETE, the status URL answers 200 with an empty object.'),
    issue(2742)('DELETE of a running job later shows part of its files as complete.'),
  ],
};
