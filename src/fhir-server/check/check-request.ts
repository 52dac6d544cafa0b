import type { CheckRow } from '../../contract.ts';
import { EXPORT_TYPES } from '../../fhir/operations.ts';
import { valuesOf } from '../../fhir/parameters.ts';
import { quote } from '../../policy/short-texts.ts';
import { fitRequest } from '../../profiles/fit-request.ts';
import { notAllowed } from '../allow.ts';
import type { FhirServer } from '../fhir-server.ts';
import type { PlannedExport } from './plan-export.ts';
import { okRow } from './rows.ts';

/**
 * Checks a planned export against what the configuration allows and what is known of the server: a row for everything
 * that is refused or does not work there.
 */
export function checkRequest({ config }: FhirServer, planned: PlannedExport): CheckRow[] {
  const { problems, warnings } = fitRequest(planned, config);
  const rows = [
    ...notAllowed(planned, config.allow ?? {}).map((detail): CheckRow => {
      return { item: 'allowed', result: 'failed', detail, fix: 'Ask for less, or extend allow of this server.' };
    }),
    ...problems.map((detail): CheckRow => {
      const fix = 'Change the request; or, if the server does it after all, its settings in the configuration.';
      return { item: 'request', result: 'failed', detail, fix };
    }),
    ...warnings.map(({ message }): CheckRow => warning(message, 'See docs/servers.md.')),
    ...warningsOfExportType(planned),
  ];
  const level = planned.groupId === undefined ? planned.level : `${planned.level} ${quote(planned.groupId)}`;
  return rows.length > 0 ? rows : [okRow('request', `level ${level}: nothing is known that would not work`)];
}

function warningsOfExportType({ operation, parameters }: PlannedExport): CheckRow[] {
  const [exportType] = valuesOf('exportType', parameters?.exportType ?? []);
  if (operation !== 'davinci-data-export' || exportType === undefined) return [];
  if (EXPORT_TYPES.includes(String(exportType))) return [];
  const detail = `parameters.exportType: ${quote(exportType)} is not in the guides that are known here`;
  return [warning(detail, `Ask the payer; known are ${EXPORT_TYPES.join(', ')}.`)];
}

function warning(detail: string, fix: string): CheckRow {
  return { item: 'request', result: 'warning', detail, fix };
}
