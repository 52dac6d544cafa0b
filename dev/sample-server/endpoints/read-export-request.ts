import type { Context } from '../context.ts';
import type { ExportRequest } from '../export/export-request.ts';
import { parseTypeFilter } from '../export/type-filter.ts';
import { compartmentTypes, hospitalTypes, supportingTypes } from '../generate/hospital.ts';
import type { Message } from '../http/answer.ts';
import { BadRequest, isKnownParameter, type ParameterValues } from './parameters.ts';

const outputFormats = ['application/fhir+ndjson', 'application/ndjson', 'ndjson'];
// Bulk Data IG: search result parameters SHALL NOT be used in a filter.
const resultParameter = /[?&](_sort|_count|_include|_revinclude|_elements|_summary|_total|_contained)\b/;
const instant = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

type Target = Pick<ExportRequest, 'level' | 'groupId' | 'method' | 'url' | 'lenient' | 'separateStatus'>;

/**
 * Makes an export request from parameters.
 *
 * @throws {@link BadRequest}
 */
export function readExportRequest(target: Target, values: ParameterValues, context: Context): ExportRequest {
  const messages: Message[] = [];
  /** Bulk Data IG 2.0: an unsupported value is an error; with handling=lenient, ignored and reported in a file. */
  const unsupported = (text: string) => {
    if (!target.lenient) throw new BadRequest(text, 'not-supported');
    messages.push({ severity: 'warning', code: 'not-supported', text: `Ignored: ${text}` });
  };
  const { version } = context.settings;
  const all = (name: string) => (isKnownParameter(name, version) ? (values.get(name) ?? []) : []);
  const one = (name: string) => all(name)[0];
  for (const name of values.keys()) {
    if (!isKnownParameter(name, version)) unsupported(`parameter "${name}" is not supported`);
  }

  const format = one('_outputFormat');
  if (format !== undefined && !outputFormats.includes(format)) unsupported(`_outputFormat "${format}"`);
  const organizeBy = one('organizeOutputBy');
  if (organizeBy !== undefined && organizeBy !== 'Patient') unsupported(`organizeOutputBy "${organizeBy}"`);
  const partial = one('allowPartialManifests') ?? 'false';
  if (partial !== 'true' && partial !== 'false')
    throw new BadRequest('allowPartialManifests is not a boolean', 'value');
  const elements = all('_elements').filter((element) => {
    const fine = /^([A-Z]\w*\.)?[a-z]\w*$/.test(element);
    if (!fine) unsupported(`_elements "${element}" is not a root element`);
    return fine;
  });
  if (all('includeAssociatedData').length > 0) {
    messages.push({ severity: 'information', code: 'informational', text: 'There are no Provenance resources here' });
  }

  return {
    ...target,
    types: types(target.level, all('_type'), unsupported),
    since: checkedInstant('_since', one('_since')),
    until: checkedInstant('_until', one('_until')),
    patients: patients(target, all('patient'), context),
    organizeOutputBy: organizeBy === 'Patient' ? organizeBy : undefined,
    typeFilters: typeFilters(all('_typeFilter'), unsupported),
    elements,
    includeAssociatedData: all('includeAssociatedData'),
    allowPartialManifests: partial === 'true',
    messages,
  };
}

function checkedInstant(name: string, value: string | undefined): string | undefined {
  // A "+" that was not percent-encoded arrives as a space and fails here, too.
  if (value !== undefined && (!instant.test(value) || Number.isNaN(Date.parse(value)))) {
    throw new BadRequest(`${name} "${value}" is not an instant`, 'value');
  }
  return value;
}

function types(level: string, asked: string[], unsupported: (text: string) => void): string[] | undefined {
  if (asked.length === 0) return undefined;
  const here: readonly string[] = level === 'system' ? hospitalTypes : [...compartmentTypes, ...supportingTypes];
  const good = asked.filter((type) => {
    if (!here.includes(type)) unsupported(`_type "${type}" is not supported here`);
    return here.includes(type);
  });
  // Bulk Data IG, _type: only types outside the Patient Compartment SHOULD be an error at these levels.
  if (level !== 'system' && good.every((type) => !(compartmentTypes as readonly string[]).includes(type))) {
    throw new BadRequest('_type has no type of the Patient Compartment', 'not-supported');
  }
  return good;
}

function patients(target: Target, references: string[], { hospital }: Context): string[] | undefined {
  if (references.length === 0) return undefined;
  if (target.level === 'system') throw new BadRequest('patient is not allowed at the system level', 'not-supported');
  return references.map((reference) => {
    const id = /^Patient\/([^/]+)$/.exec(reference)?.[1] ?? '';
    const index = hospital.patientIndex(id);
    if (index === undefined) throw new BadRequest(`${reference} is unknown`, 'not-found');
    if (target.groupId !== undefined && !hospital.group(target.groupId)?.has(index)) {
      throw new BadRequest(`${reference} is not a member of Group/${target.groupId}`, 'not-found');
    }
    return id;
  });
}

function typeFilters(filters: string[], unsupported: (text: string) => void): string[] {
  return filters.filter((filter) => {
    if (resultParameter.test(filter)) throw new BadRequest(`_typeFilter "${filter}" has a result parameter`, 'value');
    const parsed = parseTypeFilter(filter);
    if (parsed.kind === 'unsupported') unsupported(parsed.text);
    return parsed.kind === 'filter';
  });
}
