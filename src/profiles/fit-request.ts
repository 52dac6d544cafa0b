import type { ExportRequest, Warning } from '../contract.ts';
import { WARNINGS } from '../contract.ts';
import { GZIPPED_NDJSON } from '../fhir/output-formats.ts';
import type { Endpoint } from '../fhir/operations.ts';
import { endpointOf } from '../fhir/operations.ts';
import type { ParameterList } from '../fhir/parameters.ts';
import { listParameters, ruleOf } from '../fhir/parameters.ts';
import { profileOf } from './index.ts';
import type { SettingsOfServer } from './resolve.ts';
import { resolveSettings } from './resolve.ts';
import type { Preference, ServerSettings } from './settings.ts';

/** The guide leaves it to the server. */
const NEW_MEMBERS_UNKNOWN =
  'It is not known whether the server, with `_since`, sends the earlier data of patients who have come into the group since then; if not, it is missing. Set newPatientsInFull for the server to say what it does.';

/** The part of a request that a server may not be able to do. */
export type PlannedRequest = Pick<ExportRequest, 'level' | 'operation' | 'parameters' | 'prefer'>;

/** A request as it can be sent to one server. */
export interface Fitted {
  /** Without what the request lets us leave out (`handling=lenient`). */
  parameters: ParameterList;
  /** Preferences without those that the server does not take. */
  prefer: readonly Preference[];
  /** What was left out, and what the operator should know of an export with `_since`. */
  warnings: Warning[];
  /** Why it cannot be sent, each problem naming the field and its fix. */
  problems: string[];
}

/** Something of a request that does not work at the server. */
interface Misfit {
  /** Parameter. */
  name: string;
  detail: string;
  /** The setting that says so. */
  setting: keyof ServerSettings;
  /** It must be there: to leave it out is no way. */
  isNeeded?: true;
}

/**
 * Compares a request with what is known of a server. Pure.
 *
 * Lenient handling leaves out only what is spare: without any other parameter more would come than was asked for.
 */
export function fitRequest(
  { level, operation, parameters: given, prefer = [] }: PlannedRequest,
  configured: SettingsOfServer,
): Fitted {
  const settings = resolveSettings(configured);
  const isLenient = prefer.includes('handling=lenient');
  const sent = prefer.filter((one) => settings.preferences?.includes(one) !== false);
  const fitted: Fitted = { parameters: listParameters(given ?? {}), prefer: sent, warnings: [], problems: [] };
  if (!settings.levels.includes(level)) {
    const detail = `this server exports at level ${settings.levels.join(' and ')} only`;
    fitted.problems.push(`level: ${detail} (${reasonOf('levels', configured)})`);
  }
  const misfits = [
    ...misfitsOf(fitted.parameters, endpointOf(level, operation), settings),
    ...misfitsOfPatient(level, given, settings),
  ];
  for (const misfit of misfits) {
    const { name } = misfit;
    const reason = `${misfit.detail} (${reasonOf(misfit.setting, configured)})`;
    const isSpare = misfit.isNeeded !== true && ruleOf(name, operation)?.isSpare === true;
    if (isSpare && isLenient) {
      fitted.parameters = fitted.parameters.filter((one) => one.name !== name);
      fitted.warnings.push({ code: 'ParameterIgnored', message: `${name} was left out: ${reason}.` });
    } else {
      const lenient = isSpare ? ', or ask for handling=lenient to leave it out' : '';
      fitted.problems.push(`parameters.${name}: ${reason}; change the request${lenient}`);
    }
  }
  for (const one of prefer) {
    // Lenient handling has its effect here.
    if (sent.includes(one) || one === 'handling=lenient') continue;
    const reason = `this server does not take it (${reasonOf('preferences', configured)})`;
    fitted.warnings.push({ code: 'ParameterIgnored', message: `prefer: ${one} was left out: ${reason}.` });
  }
  if (fitted.parameters.some(({ name }) => name === '_since'))
    fitted.warnings.push(...warningsOfSince(level, settings));
  return fitted;
}

function misfitsOf(parameters: ParameterList, endpoint: Endpoint, settings: ServerSettings): Misfit[] {
  const valuesOf = (name: string) => parameters.find((one) => one.name === name)?.values.map(String);
  const unknown = misfitsOfNames(parameters, endpoint, settings);
  const found = [
    ...unknown,
    ...misfitsOfNeeded(valuesOf, settings.neededParameters[endpoint] ?? {}),
    ...misfitsOfTypes(valuesOf('_type'), valuesOf('includeAssociatedData'), settings),
    ...misfitsOfSince(valuesOf('_since')?.[0], settings),
  ];
  const format = valuesOf('_outputFormat')?.[0];
  if (format === GZIPPED_NDJSON && !settings.outputFormats.includes(format)) {
    found.push({ name: '_outputFormat', detail: `this server has no format ${format}`, setting: 'outputFormats' });
  }
  const filters = valuesOf('_typeFilter') ?? [];
  if (unknown.some(({ name }) => name === '_typeFilter') || filters.length === 0) return found;
  if (settings.typeFilterNeedsType && valuesOf('_type') === undefined) {
    found.push({ name: '_typeFilter', detail: 'this server wants _type beside it', setting: 'typeFilterNeedsType' });
  }
  return [...found, ...misfitsOfFilters(filters, settings)];
}

function misfitsOfNames(
  parameters: ParameterList,
  endpoint: Endpoint,
  { unsupportedParameters, knownParameters }: ServerSettings,
): Misfit[] {
  return parameters.flatMap(({ name }): Misfit[] => {
    if (unsupportedParameters.includes(name))
      return [{ name, detail: 'this server cannot do it', setting: 'unsupportedParameters' }];
    const isUnknown = knownParameters[endpoint]?.includes(name) === false;
    return isUnknown ? [{ name, detail: 'this server does not know it', setting: 'knownParameters' }] : [];
  });
}

function misfitsOfNeeded(
  valuesOf: (name: string) => readonly string[] | undefined,
  needed: Readonly<Record<string, string>>,
): Misfit[] {
  return Object.entries(needed)
    .filter(([name, value]) => valuesOf(name)?.join(',') !== value)
    .map(([name, value]) => {
      return { name, detail: `this server must be given "${value}"`, setting: 'neededParameters', isNeeded: true };
    });
}

/** An export of news alone would look complete, also where it takes the place of a whole one whose job is gone. */
function misfitsOfSince(since: string | undefined, { sinceByDefault, earliestSince }: ServerSettings): Misfit[] {
  if (!sinceByDefault) return [];
  const news = 'this server exports only what is new since the last job';
  if (since === undefined) {
    const from = earliestSince === undefined ? '' : `, ${earliestSince} or later`;
    const detail = `without it ${news}; name the time from which on${from}`;
    return [{ name: '_since', detail, setting: 'sinceByDefault' }];
  }
  if (earliestSince === undefined || Date.parse(since) >= Date.parse(earliestSince)) return [];
  const detail = `before ${earliestSince} it counts as none, and without one ${news}; name that time or a later one`;
  return [{ name: '_since', detail, setting: 'earliestSince' }];
}

function misfitsOfPatient(
  level: ExportRequest['level'],
  parameters: PlannedRequest['parameters'],
  { patientParameter, unsupportedParameters }: ServerSettings,
): Misfit[] {
  if (patientParameter === 'optional' || unsupportedParameters.includes('patient')) return [];
  const isNamed = parameters?.patient !== undefined;
  if (isNamed === (level === 'patient')) return [];
  const detail = isNamed ? 'this server knows it at level patient only' : 'this server wants it at level patient';
  return [{ name: 'patient', detail, setting: 'patientParameter' }];
}

function misfitsOfTypes(
  types: readonly string[] | undefined,
  associated: readonly string[] | undefined,
  settings: ServerSettings,
): Misfit[] {
  const found: Misfit[] = [];
  if (types === undefined) return found;
  if (types.every((type) => settings.typesNeedingCompany.includes(type))) {
    const detail = `this server exports ${types.join(', ')} only together with other types`;
    found.push({ name: '_type', detail, setting: 'typesNeedingCompany' });
  }
  const wantsProvenance = associated?.some((value) => /Provenance/.test(value)) === true;
  if (settings.associatedDataNeedsType && wantsProvenance && !types.includes('Provenance')) {
    const detail = 'this server wants Provenance in it, for includeAssociatedData';
    found.push({ name: '_type', detail, setting: 'associatedDataNeedsType' });
  }
  return found;
}

function misfitsOfFilters(filters: readonly string[], settings: ServerSettings): Misfit[] {
  const { filterableTypes, unfilterableTypes } = settings;
  const types = [...new Set(filters.map((filter) => filter.replace(/\?.*$/s, '')))];
  const refused = (setting: keyof ServerSettings, isRefused: (type: string) => boolean): Misfit[] => {
    const named = types.filter(isRefused);
    const detail = `this server cannot filter ${named.join(', ')}`;
    return named.length === 0 ? [] : [{ name: '_typeFilter', detail, setting }];
  };
  return [
    ...refused('filterableTypes', (type) => filterableTypes?.includes(type) === false),
    ...refused('unfilterableTypes', (type) => unfilterableTypes.includes(type)),
  ];
}

function warningsOfSince(level: ExportRequest['level'], settings: ServerSettings): Warning[] {
  const found: Warning[] = [];
  if (settings.reportsDeletions === false) {
    found.push({ code: 'DeletionsNotReported', message: WARNINGS.DeletionsNotReported });
  }
  const inFull = settings.newPatientsInFull?.includes(level);
  if (level !== 'system' && inFull === false) {
    found.push({ code: 'NewPatientsInPart', message: WARNINGS.NewPatientsInPart });
  } else if (level === 'group' && inFull === undefined) {
    // Members come with a past. At other levels a patient who is new is, with few exceptions, new to the server.
    found.push({ code: 'NewPatientsInPart', message: NEW_MEMBERS_UNKNOWN });
  }
  return found;
}

/** Who says so, for people. */
function reasonOf(setting: keyof ServerSettings, configured: SettingsOfServer): string {
  const fact = profileOf(configured.profile).settings[setting];
  if (configured[setting] !== undefined || fact === undefined) return `as ${setting} of the configuration says`;
  return `as ${fact.source} says, read on ${fact.date}; if it is wrong, set ${setting} for this server`;
}
