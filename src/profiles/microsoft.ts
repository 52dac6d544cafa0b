import type { Profile } from './profile.ts';
import { factsFrom, fileAt, issue } from './profile.ts';

const CODE = 'microsoft/fhir-server';
const docs = factsFrom(
  'https://learn.microsoft.com/en-us/azure/healthcare-apis/fhir/configure-export-data',
  '2026-11-25',
);

export const microsoft: Profile = {
  name: 'microsoft',
  product: 'Microsoft (Azure Health Data Services, open-source FHIR server)',
  sign: {
    value: { publisher: 'Microsoft' },
    source: fileAt(
      CODE,
      '13a9abd2b550cf260db7db3e9140b8f27df45581',
      'src/Microsoft.Health.Fhir.Core/Data/R4/BaseCapabilities.json',
    ),
    date: '2026-11-29',
  },
  settings: {},
  notes: [
    docs('Files go to the storage account of the customer, which needs credentials of its own.'),
    docs('Parameters of its own: `_container`, `_till`, `_isParallel`.'),
    {
      value: 'The open-source server runs one job at a time, unless its instance is configured otherwise.',
      source: fileAt(
        CODE,
        'a93833760b16f9dff1b62c3652f505cbd7d4ca53',
        'src/Microsoft.Health.Fhir.Core/Configs/ExportJobConfiguration.cs',
      ),
      date: '2026-11-25',
    },
    docs('Azure API for FHIR ended on 2026-09-30.'),
    { value: 'Unknown parameters are 400.', source: issue(CODE, 365), date: '2026-11-25' },
  ],
};
