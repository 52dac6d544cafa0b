import { faultOfInstant } from '../../fhir/instant.ts';
import { GZIPPED_NDJSON, NDJSON_FORMATS } from '../../fhir/output-formats.ts';
import type { ParameterRule } from '../../fhir/parameters.ts';
import { isResourceType } from '../../fhir/resource-types.ts';
import { quote } from '../short-texts.ts';

const OUTPUT_FORMATS: readonly string[] = [...NDJSON_FORMATS, GZIPPED_NDJSON];
/** FHIR search result parameters, which are not allowed in a `_typeFilter` (Bulk Data IG 2.0, `_typeFilter`). */
const RESULT_PARAMETERS = new Set(
  '_sort _count _include _revinclude _summary _total _elements _contained _containedType _graph _maxresults _score _format _pretty'.split(
    ' ',
  ),
);

/** What is wrong with one value of a parameter of FHIR's; undefined when nothing is. */
export function faultOfValue(
  name: string,
  { type }: ParameterRule,
  value: string | boolean | number,
): string | undefined {
  if (type === 'boolean') return typeof value === 'boolean' ? undefined : 'must be true or false';
  if (type === 'positiveInt') {
    return typeof value === 'number' && Number.isSafeInteger(value) && value > 0
      ? undefined
      : 'must be a whole number of bytes, 1 or more';
  }
  if (typeof value !== 'string') return 'must be text';
  if (type === 'instant') return faultOfInstant(value);
  return FAULTS[name]?.(value);
}

const FAULTS: Record<string, (value: string) => string | undefined> = {
  _type: (value) => (isResourceType(value) ? undefined : 'is not a FHIR resource type'),
  organizeOutputBy: (value) => (isResourceType(value) ? undefined : 'is not a FHIR resource type'),
  _outputFormat: (value) =>
    OUTPUT_FORMATS.includes(value)
      ? undefined
      : `must be one of ${OUTPUT_FORMATS.join(', ')}: other formats cannot be checked`,
  exportType: (value) =>
    /^[\w.:/|#-]{1,256}$/.test(value)
      ? undefined
      : 'must be a canonical such as hl7.fhir.us.davinci-pdex#provider-download',
  _elements: faultOfElement,
  _typeFilter: faultOfTypeFilter,
  patient: (value) =>
    /^(https?:\/\/\S+\/)?Patient\/[A-Za-z0-9\-.]{1,64}$/.test(value)
      ? undefined
      : 'must be a reference such as Patient/123',
  includeAssociatedData: (value) =>
    /^(LatestProvenanceResources|RelevantProvenanceResources|_\S+)$/.test(value)
      ? undefined
      : 'must be LatestProvenanceResources, RelevantProvenanceResources, or a code of the server that begins with "_"',
};

/** Bulk Data IG 2.0: `[ResourceType].[element]` or `[element]`, root elements only. */
function faultOfElement(value: string): string | undefined {
  const parts = value.split('.');
  if (parts.length > 2) return 'names an element below the root; only root elements are allowed, such as Patient.name';
  const element = parts.at(-1) as string;
  if (parts.length === 2 && !isResourceType(parts[0] as string))
    return `begins with ${quote(parts[0])}, which is no FHIR resource type`;
  return /^[a-zA-Z][A-Za-z0-9]*(\[x\])?$/.test(element) ? undefined : 'must be [ResourceType].[element] or [element]';
}

/** Bulk Data IG 2.0: one resource type, a search query, no search result parameters. */
function faultOfTypeFilter(value: string): string | undefined {
  const match = /^([A-Za-z]*)\?(.+)$/s.exec(value);
  if (match === null) return 'must be a search such as Observation?category=laboratory';
  if (match[1] === '') return 'must name one resource type before "?"';
  if (!isResourceType(match[1] as string)) return `is for ${quote(match[1])}, which is no FHIR resource type`;
  for (const pair of (match[2] as string).split('&')) {
    const [name, ...rest] = pair.split('=');
    if (name === undefined || name === '' || rest.length === 0)
      return 'must be a search such as Observation?category=laboratory';
    const base = name.replace(/:.*$/, '');
    if (RESULT_PARAMETERS.has(base)) return `uses ${base}: search result parameters are not allowed`;
  }
  return undefined;
}
