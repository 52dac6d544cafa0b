import { jsonAnswer, type Answer } from '../http/answer.ts';
import type { Context } from '../context.ts';
import { hospitalTypes } from '../generate/hospital.ts';
import { searchParameters } from '../export/type-filter.ts';

const releases = { 1: '1.0.1', 2: '2.0.0', 3: '3.0.0', 4: '4.0.0-ballot' } as const;
const canonical = 'http://hl7.org/fhir/uv/bulkdata';

/** The CapabilityStatement; it tells the version of the IG by the canonicals, as the IG has no other place for it. */
export function metadata({ settings, baseUrl }: Context): Answer {
  const release = releases[settings.version];
  const operation = (name: string) => ({
    name: 'export',
    definition: `${canonical}/OperationDefinition/${name}|${release}`,
  });
  const operations: Record<string, object> = {
    Patient: { operation: [operation('patient-export')] },
    Group: { operation: [operation('group-export')] },
  };
  const security = settings.authorization?.security?.(baseUrl);
  const statement = {
    resourceType: 'CapabilityStatement',
    status: 'active',
    date: '2025-01-01',
    kind: 'instance',
    implementation: { description: 'Sample hospital', url: baseUrl },
    instantiates: [`${canonical}/CapabilityStatement/bulk-data|${release}`],
    fhirVersion: '4.0.1',
    format: ['application/fhir+json'],
    rest: [
      {
        mode: 'server',
        ...(security && { security }),
        resource: hospitalTypes.map((type) => ({
          type,
          searchParam: (searchParameters[type] ?? []).map((name) => ({
            name,
            type: /date|authoredon/.test(name) ? 'date' : 'token',
          })),
          ...operations[type],
        })),
        operation: [operation('export')],
      },
    ],
  };
  return jsonAnswer(200, statement, { 'content-type': 'application/fhir+json' });
}
