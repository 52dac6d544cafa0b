import type { CheckRequest, CheckRow } from '../../contract.ts';
import { fitRequest } from '../../profiles/fit-request.ts';
import type { FhirServer } from '../fhir-server.ts';
import { okRow } from './rows.ts';

/** Checks a planned request against what is known of the server: a row for everything that does not work there. */
export function checkRequest({ config }: FhirServer, { level, types, parameters }: CheckRequest): CheckRow[] {
  const planned = { ...(types === undefined ? {} : { _type: types }), ...parameters };
  const { problems, warnings } = fitRequest({ level: level ?? 'system', parameters: planned }, config);
  const rows = [
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
