import type { ExportRequest } from '../contract.ts';
import { ExportError } from '../errors.ts';
import type { Job } from '../export-folder/job-record.ts';
import type { FhirServer } from '../fhir-server/fhir-server.ts';
import type { KickOff, KickOffRequest } from '../fhir/kick-off.ts';
import { buildKickOff } from '../fhir/kick-off.ts';
import type { Fitted } from '../profiles/fit-request.ts';
import type { ServerSettings } from '../profiles/settings.ts';

type Asked = Pick<ExportRequest, 'level' | 'groupId' | 'operation'>;

/**
 * How a request is sent to a server.
 *
 * @throws ExportError `InvalidRequest`
 */
export function buildRequest(
  { config, settings }: FhirServer,
  { level, groupId, operation: requested = 'export' }: Asked,
  { parameters, prefer }: Pick<Fitted, 'parameters' | 'prefer'>,
  { operation = requested, version, wantsGet }: NonNullable<Job['capability']> = {},
): KickOffRequest {
  try {
    return buildKickOff({
      baseUrl: config.baseUrl,
      level,
      groupId,
      parameters,
      prefer,
      method: wantsGet === true ? 'get' : settings.kickOffMethod,
      lists: listsFor(config, settings, version),
      patientInUrl: settings.patientInUrl,
      typeFilterList: settings.typeFilterList,
      typeFilterCommas: settings.typeFilterCommas,
      operation,
      requested,
      version,
    });
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    throw new ExportError('InvalidRequest', 'parameters: a text holds half of a surrogate pair; remove it');
  }
}

/** A server that declares version 4 of the guide has outgrown what its profile says: there, nothing is joined in a POST. */
function listsFor(
  config: Pick<FhirServer['config'], 'lists'>,
  settings: Pick<ServerSettings, 'lists'>,
  version: KickOff['version'],
): ServerSettings['lists'] {
  return version === 4 && settings.lists === 'comma' && config.lists !== 'comma' ? 'auto' : settings.lists;
}
