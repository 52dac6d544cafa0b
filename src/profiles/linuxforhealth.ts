import type { Profile } from './profile.ts';
import { factsFrom, fileAt, issue } from './profile.ts';

const seen = (number: number) => factsFrom(issue('LinuxForHealth/FHIR', number), '2026-11-25');

export const linuxforhealth: Profile = {
  name: 'linuxforhealth',
  product: 'LinuxForHealth FHIR Server',
  sign: {
    value: { software: 'IBM FHIR Server' },
    source: fileAt(
      'LinuxForHealth/FHIR',
      '4f46e15c05463ff02d4bb45e215dbfad1610afaa',
      'fhir-server/src/main/java/org/linuxforhealth/fhir/server/resources/Capabilities.java',
    ),
    date: '2026-11-29',
  },
  settings: { linksLastSeconds: factsFrom(issue('LinuxForHealth/FHIR', 2053), '2026-11-29')(86_400) },
  notes: [
    seen(2874)('`requiresAccessToken` was always `true`, although files are plain S3 URLs.'),
    seen(2714)('File URLs came without a host.'),
    seen(2419)('The status of a job may never become complete.'),
    seen(2715)('The manifest may lack `error`.'),
    seen(3034)('After DELETE, the status URL answers 200 with an empty object.'),
    seen(2742)('DELETE of a running job later shows part of its files as complete.'),
  ],
};
