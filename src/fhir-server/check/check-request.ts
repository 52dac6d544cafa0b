import type { CheckRequest, CheckRow } from '../../contract.ts';
import { fitRequest } from '../../profiles/fit-request.ts';
import { notAllowed } from '../allow.ts';
import type { FhirServer } from '../fhir-server.ts';
import { okRow } from './rows.ts';

/**
 * Checks a planned request against what the configuration allows and what is known of the server: a row for everything
 * that is refused or does not work there.
 *
 * @param destination of the configuration
 */
export function checkRequest(
  { config }: FhirServer,
  { level = 'system', types, parameters }: CheckRequest,
  destination: string,
): CheckRow[] {
  const planned = { ...(types === undefined ? {} : { _type: types }), ...parameters };
  const { problems, warnings } = fitRequest({ level, parameters: planned }, config);
  // The group is not known here.
  const { groups: _, ...allow } = config.allow ?? {};
  const rows = [
    ...notAllowed({ level, parameters: planned, destination }, allow).map((detail): CheckRow => {
      return { item: 'allowed', result: 'failed', detail, fix: 'Ask for less, or extend allow of this server.' };
    }),
    ...problems.map((detail): CheckRow => {
      const fix = 'Change the request; or, if the server does it after all, its settings in the configuration.';
      return { item: 'request', result: 'failed', detail, fix };
    }),
    ...warnings.map(({ message }): CheckRow => {
      return { item: 'request', result: 'warning', detail: message, fix: 'See docs/servers.md.' };
    }),
  ];
  return rows.length > 0 ? rows : [okRow('request', 'nothing is known that would not work')];
}
