/** Major version of the Bulk Data IG. */
export type IgVersion = 1 | 2 | 3 | 4;

/** What a server's CapabilityStatement says of its export operation at one level. */
export interface ExportCapability {
  /** Highest version declared for the operation, or for the statement as a whole; undefined when none is. */
  version?: IgVersion;
  /** Name of the operation in the URL, without `$`: `export`, or another where IG 4 runs beside an older version. */
  operation: string;
}

const DEFINITION = /\/OperationDefinition\/(?:(?:group|patient)-)?export(?:\|(\d+)\b.*)?$/;
const INSTANTIATES = /\/bulkdata\/CapabilityStatement\/bulk-data\|(\d+)\b/;

/**
 * Finds the export operation by its canonical `definition`, because its name can differ: a server may offer `export`
 * and `export-v4` side by side (Bulk Data IG 4.0-ballot). Undefined when the statement is unusable or names none; that
 * is not fatal, many servers export without saying so.
 */
export function findExport(statement: unknown, level: 'system' | 'patient' | 'group'): ExportCapability | undefined {
  const root = asObject(statement);
  if (root?.['resourceType'] !== 'CapabilityStatement') return undefined;
  const whole = highest(asList(root['instantiates']).map((url) => versionIn(INSTANTIATES, url)));
  const found = operationsOf(root, level).flatMap((operation) => {
    const definition = operation['definition'];
    const name = operation['name'];
    if (typeof definition !== 'string' || typeof name !== 'string' || !DEFINITION.test(definition)) return [];
    return [{ name: name.replace(/^\$/, ''), version: versionIn(DEFINITION, definition) ?? whole }];
  });
  // Older versions first: every rule of 1 to 3 is also kept by a server that offers 4 beside them.
  const best = found.sort((a, b) => (a.version ?? 0) - (b.version ?? 0))[0];
  const version = best?.version ?? whole;
  return { operation: operationName(best?.name), ...(version === undefined ? {} : { version }) };
}

function operationsOf(root: Record<string, unknown>, level: 'system' | 'patient' | 'group'): Record<string, unknown>[] {
  const type = { system: undefined, patient: 'Patient', group: 'Group' }[level];
  return asList(root['rest'])
    .map(asObject)
    .flatMap((rest) => {
      if (rest === undefined) return [];
      const resource = asList(rest['resource'])
        .map(asObject)
        .find((one) => one?.['type'] === type);
      // IG 1.0.0 declares all three at the server's level; 1.0.1 moved them to the resource.
      const own = type === undefined ? [] : asList(resource?.['operation']);
      return (own.length > 0 ? own : asList(rest['operation'])).map(asObject).filter((one) => one !== undefined);
    });
}

function operationName(name: string | undefined): string {
  return name !== undefined && /^export[A-Za-z0-9-]{0,40}$/.test(name) ? name : 'export';
}

function versionIn(pattern: RegExp, url: unknown): IgVersion | undefined {
  const major = typeof url === 'string' ? Number(pattern.exec(url)?.[1]) : Number.NaN;
  return major >= 1 && major <= 4 ? (major as IgVersion) : undefined;
}

function highest(versions: (IgVersion | undefined)[]): IgVersion | undefined {
  return versions.reduce((best, one) => ((one ?? 0) > (best ?? 0) ? one : best), undefined);
}

function asObject(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
