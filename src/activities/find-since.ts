import type { ExportRequest, Warning } from '../contract.ts';
import { WARNINGS } from '../contract.ts';
import { ExportError } from '../errors.ts';
import { hashOfData } from '../export-folder/request-hash.ts';
import type { FhirServer } from '../fhir-server/fhir-server.ts';
import { CLOCKS_DIFFER } from '../fhir/instant.ts';
import type { LastMark } from '../policy/mark.ts';
import { startOf } from '../policy/mark.ts';

/** From when on an export asks for data. */
export interface FoundSince {
  /** The request's, or that of an incremental export; undefined: all data. */
  since: string | undefined;
  /** Of the request, without times and destination. */
  requestHash: string;
  warnings: Warning[];
}

/**
 * Finds out from when on an export asks for data.
 *
 * @param last what the report of the export before says; of incremental exports only
 * @throws ExportError `InvalidRequest`
 */
export function findSince(server: FhirServer, request: ExportRequest, last: LastMark | undefined): FoundSince {
  const { incremental, parameters } = request;
  const requestHash = hashOfData(request, server.config.baseUrl);
  if (incremental === undefined) return { since: parameters?.['_since'], requestHash, warnings: [] };
  const { initialSince } = incremental;
  if (last === undefined && initialSince !== undefined && Date.parse(initialSince) > Date.now() + CLOCKS_DIFFER) {
    throw new ExportError('InvalidRequest', `incremental.initialSince: ${initialSince} is in the future`);
  }
  const { sinceByDefault } = server.settings;
  const everything = sinceByDefault ? initialSince : undefined;
  const { since, isReset } = startOf(last, requestHash, { beginning: initialSince, everything });
  if (sinceByDefault && since === undefined) {
    const detail = 'without _since this server exports only what is new since the last job';
    throw new ExportError('InvalidRequest', `incremental.initialSince: is missing; ${detail}`);
  }
  const reason = 'the request, or the base URL of the server, is not that of the export before';
  const reset: Warning = { code: 'MarkReset', message: `${WARNINGS.MarkReset} (${reason})` };
  return { since, requestHash, warnings: isReset === true ? [reset] : [] };
}
