import type { Profile } from './profile.ts';
import { factsFrom } from './profile.ts';

const guide = 'https://docs.aws.amazon.com/healthlake/latest/devguide';
const docs = factsFrom(`${guide}/reference-fhir-operations-export.html`, '2026-11-29');
const davinci = factsFrom(`${guide}/reference-fhir-operations-davinci-data-export.html`, '2026-11-29');
const KNOWN = ['_outputFormat', '_type', '_since', '_until', '_security', '_tag'];

export const healthlake: Profile = {
  name: 'healthlake',
  product: 'AWS HealthLake',
  settings: {
    levels: docs(['patient', 'group']),
    kickOffMethod: docs('get'),
    knownParameters: docs({
      patient: KNOWN,
      group: KNOWN,
      'davinci-data-export': [
        'patient',
        '_type',
        '_since',
        '_until',
        'exportType',
        '_includeEOB2xWoFinancial',
        '_security',
        '_tag',
      ],
    }),
    patientInUrl: davinci('reference'),
    filesKeptHours: docs(48),
  },
  notes: [
    docs(
      'A POST has a body of its own (`DataAccessRoleArn`, `OutputDataConfig`), and its files go to the S3 bucket of the customer: it is not sent. So there is no export of the whole system.',
    ),
    docs('Files of a GET are downloaded from HealthLake, with the token of the kick-off.'),
    docs('Jobs wait in a queue.'),
    davinci('Without `exportType`, `$davinci-data-export` exports member lists only (`hl7.fhir.us.davinci-atr`).'),
    davinci('Parameters of its own: `_includeEOB2xWoFinancial`, `_security`, `_tag`. `patient` may name 500 patients.'),
  ],
};
