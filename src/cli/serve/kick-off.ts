import type { Exported } from './exported.ts';

/** A kick-off as it was asked for. */
export interface AskedExport {
  /** Path below the base URL, such as `/Group/1/$export`. */
  path: string;
  /** Parameters of the query or of the body; of a repeated one all values. */
  parameters: readonly (readonly [string, string])[];
  isLenient: boolean;
}

/** What a job exports, or why it cannot be. */
export type Decision =
  { kind: 'accepted'; types: ReadonlySet<string> | undefined } | { kind: 'refused'; status: 400 | 404; text: string };

const FORMATS: ReadonlySet<string> = new Set(['application/fhir+ndjson', 'application/ndjson', 'ndjson']);

/**
 * Decides about a kick-off. What the folder holds is all that this server has: so the whole of it is an export of the
 * system and of its patients, and, where it was exported from a Group, of that.
 */
export function decide({ path, parameters, isLenient }: AskedExport, exported: Exported): Decision {
  const group = /^\/Group\/([^/]+)\/\$export$/.exec(path)?.[1];
  if (group === undefined ? !/^(\/Patient)?\/\$export$/.test(path) : group !== exported.groupId) {
    return { kind: 'refused', status: 404, text: notHere(exported) };
  }
  const types = new Set<string>();
  for (const [name, value] of parameters) {
    if (name === '_type') for (const type of value.split(',')) types.add(type.trim());
    else if (name === '_outputFormat' && FORMATS.has(value)) continue;
    else if (!isLenient) {
      const text = `${name} is not supported: the folder was exported as it is. Only _type is, or anything with Prefer: handling=lenient.`;
      return { kind: 'refused', status: 400, text };
    }
  }
  return { kind: 'accepted', types: types.size === 0 ? undefined : types };
}

function notHere({ groupId }: Exported): string {
  const group = groupId === undefined ? '' : ` and /Group/${groupId}/$export`;
  return `Here are /$export, /Patient/$export${group}.`;
}

/** The manifest of a job, with absolute URLs. */
export function manifestOf(
  exported: Exported,
  types: ReadonlySet<string> | undefined,
  request: string,
  files: string,
): object {
  const items = (kind: string): object[] =>
    exported.files
      .filter((file) => file.kind === kind)
      .filter(({ type }) => kind !== 'output' || types === undefined || type === undefined || types.has(type))
      .map(({ type, name, count, bytes }) => ({
        ...(type === undefined ? {} : { type }),
        url: `${files}/${name}`,
        ...(count === undefined ? {} : { count }),
        fileSize: bytes,
      }));
  return {
    transactionTime: exported.transactionTime,
    request,
    requiresAccessToken: false,
    output: items('output'),
    deleted: items('deleted'),
    error: items('error'),
  };
}

/** What this server says of itself. */
export function capabilityStatement(exported: Exported): object {
  const operation = [{ name: 'export', definition: 'http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export' }];
  const types = new Set([
    'Patient',
    'Group',
    ...exported.files.flatMap(({ kind, type }) => (kind === 'output' && type !== undefined ? [type] : [])),
  ]);
  const definitions: Record<string, string> = { Patient: 'patient-export', Group: 'group-export' };
  return {
    resourceType: 'CapabilityStatement',
    status: 'active',
    date: exported.transactionTime,
    kind: 'instance',
    implementation: { description: 'fhir-bulk-export serve' },
    fhirVersion: '4.0.1',
    format: ['json'],
    instantiates: ['http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data'],
    rest: [
      {
        mode: 'server',
        operation: operation,
        resource: [...types].map((type) => ({
          type,
          ...(definitions[type] === undefined
            ? {}
            : {
                operation: [
                  {
                    name: 'export',
                    definition: `http://hl7.org/fhir/uv/bulkdata/OperationDefinition/${definitions[type]}`,
                  },
                ],
              }),
        })),
      },
    ],
  };
}
