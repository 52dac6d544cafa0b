import { isObject } from './is-object.ts';
import type { Operation, OperationName } from './operations.ts';
import { OPERATIONS } from './operations.ts';

/** Major version of the Bulk Data IG. */
export type IgVersion = 1 | 2 | 3 | 4;

/** What a server's CapabilityStatement says of its export operation at one level. */
export interface ExportCapability {
  /** Highest version declared for the operation, or for the statement as a whole; undefined when none is. */
  version?: IgVersion | undefined;
  /** The server wants GET, as its 405 to a POST has said. */
  wantsGet?: true | undefined;
  /** Name of the operation in the URL, without `$`: `export`, or another where IG 4 runs beside an older version. */
  operation: string;
  /** The statement names the operation at this level. */
  declared: boolean;
  /** What the server says that it is. */
  software?: Software | undefined;
  fhirVersion?: string | undefined;
}

export interface Software {
  name?: string | undefined;
  version?: string | undefined;
  releaseDate?: string | undefined;
}

/** A version of a server's own definition says nothing of the IG. */
const IG_VERSION = /\/uv\/bulkdata\/OperationDefinition\/[a-z-]+\|(\d+)\b/;
const INSTANTIATES = /\/bulkdata\/CapabilityStatement\/bulk-data\|(\d+)\b/;

/** Characters that are kept of a name or a version. */
const LONGEST_TEXT = 200;

type Level = 'system' | 'patient' | 'group';

/** An export operation that a statement names. */
interface Declared {
  name: string;
  level: Level;
  version: IgVersion | undefined;
}

/**
 * Finds the export operation by its canonical `definition`, because its name can differ: a server may offer `export`
 * and `export-v4` side by side (Bulk Data IG 4.0-ballot). Without one, it is the operation of the name `export`, under
 * whatever definition: servers have their own (SMART reference server). Undefined when the statement is unusable or names none; that
 * is not fatal, many servers export without saying so.
 */
export function findExport(
  statement: unknown,
  level: Level,
  operation: OperationName = 'export',
): ExportCapability | undefined {
  const root = asObject(statement);
  if (root?.['resourceType'] !== 'CapabilityStatement') return undefined;
  const whole = OPERATIONS[operation].ofBulkData ? versionOfWhole(root) : undefined;
  // Older versions first: every rule of 1 to 3 is also kept by a server that offers 4 beside them.
  const best = declarations(root, level, OPERATIONS[operation]).sort(
    (a, b) => (a.version ?? whole ?? 0) - (b.version ?? whole ?? 0),
  )[0];
  const version = best?.version ?? whole;
  return {
    operation: best !== undefined && OPERATIONS[operation].urlName.test(best.name) ? best.name : operation,
    declared: best?.level === level,
    version,
    ...serverOf(root),
  };
}

/** Version that the statement declares for all operations of the guide. */
function versionOfWhole({ instantiates }: Record<string, unknown>): IgVersion | undefined {
  return highest(
    asList(instantiates).map((url) => versionOf(typeof url === 'string' ? INSTANTIATES.exec(url)?.[1] : undefined)),
  );
}

/** For the log of the export only. */
function serverOf(statement: Record<string, unknown>): Pick<ExportCapability, 'software' | 'fhirVersion'> {
  const software = asObject(statement['software']);
  const fhirVersion = shortText(statement['fhirVersion']);
  return {
    ...(software === undefined
      ? {}
      : {
          software: {
            name: shortText(software['name']),
            version: shortText(software['version']),
            releaseDate: shortText(software['releaseDate']),
          },
        }),
    ...(fhirVersion === undefined ? {} : { fhirVersion }),
  };
}

function shortText(value: unknown): string | undefined {
  return typeof value === 'string' ? value.slice(0, LONGEST_TEXT) : undefined;
}

/** What is declared for a level, or else whatever export operation is declared nearest to it. */
function declarations(root: Record<string, unknown>, level: Level, operation: Operation): Declared[] {
  const type = { system: undefined, patient: 'Patient', group: 'Group' }[level];
  const rests = objects(root['rest']);
  // IG 1.0.0 declares all three at the server's level; 1.0.1 moved two of them to the resources.
  const ofServer = rests.flatMap((rest) => exportsAmong(rest['operation'], 'system', operation));
  const ofResource = rests
    .flatMap((rest) => objects(rest['resource']))
    .filter((resource) => type !== undefined && resource['type'] === type)
    .flatMap((resource) => exportsAmong(resource['operation'], level, operation));
  const isOwn = (one: Declared): boolean => one.level === level;
  // What stands at the resource is meant for it, even under the definition of another level.
  const atResource = ofResource.map((one) => ({ ...one, level }));
  const nearest = [ofResource.filter(isOwn), atResource, ofServer.filter(isOwn), ofServer];
  return nearest.find((found) => found.length > 0) ?? [];
}

function exportsAmong(
  operations: unknown,
  place: Level,
  { definition: canonical, declaredName }: Operation,
): Declared[] {
  const found = objects(operations).flatMap(({ name, definition }) => {
    const url = definitionOf(definition);
    return typeof name === 'string' && url !== undefined ? [{ name, url }] : [];
  });
  const byDefinition = found.flatMap(({ name, url }) => {
    const match = canonical.exec(url);
    return match === null ? [] : [declared(name, (match[1] ?? 'system') as Level, url)];
  });
  if (byDefinition.length > 0) return byDefinition;
  return found.flatMap(({ name, url }) => {
    const match = declaredName.exec(name);
    return match === null ? [] : [declared(name, (match[1] ?? place) as Level, url)];
  });
}

/** A canonical; in FHIR 3 a Reference. */
function definitionOf(value: unknown): string | undefined {
  const url = asObject(value)?.['reference'] ?? value;
  return typeof url === 'string' ? url : undefined;
}

function declared(name: string, level: Level, url: string): Declared {
  return { name: name.replace(/^\$/, ''), level, version: versionOf(IG_VERSION.exec(url)?.[1]) };
}

function versionOf(major: string | undefined): IgVersion | undefined {
  const number = Number(major);
  return number >= 1 && number <= 4 ? (number as IgVersion) : undefined;
}

function highest(versions: (IgVersion | undefined)[]): IgVersion | undefined {
  return versions.reduce((best, one) => ((one ?? 0) > (best ?? 0) ? one : best), undefined);
}

function asObject(value: unknown): Record<string, unknown> | undefined {
  return isObject(value) ? value : undefined;
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function objects(value: unknown): Record<string, unknown>[] {
  return asList(value)
    .map(asObject)
    .filter((one) => one !== undefined);
}
