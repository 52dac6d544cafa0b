import type { CheckRow } from '../../contract.ts';
import type { Operation } from '../../fhir/operations.ts';
import { OPERATIONS } from '../../fhir/operations.ts';
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
    ...warningsOfParameters(planned),
  ];
  const level = planned.groupId === undefined ? planned.level : `${planned.level} ${quote(planned.groupId)}`;
  return rows.length > 0 ? rows : [okRow('request', `level ${level}: nothing is known that would not work`)];
}

/** What a server may do, or take for something else, although nothing of it is known to be wrong. */
function warningsOfParameters({ operation = 'export', parameters = {} }: PlannedExport): CheckRow[] {
  const { parameters: rules }: Operation = OPERATIONS[operation];
  return Object.entries(rules).flatMap(([name, { known, wanted }]): CheckRow[] => {
    const values = valuesOf(name, parameters[name as keyof typeof parameters] ?? []);
    if (values.length === 0) {
      return wanted === undefined ? [] : [warning(`parameters.${name}: is missing; ${wanted}`, fixOf(known))];
    }
    const others = values.filter((value) => known?.includes(String(value)) === false);
    return others.map((value) =>
      warning(`parameters.${name}: ${quote(value)} is not in the guides that are known here`, fixOf(known)),
    );
  });
}

function fixOf(known: readonly string[] = []): string {
  return `Ask the operators of the server; known are ${known.join(', ')}.`;
}

function warning(detail: string, fix: string): CheckRow {
  return { item: 'request', result: 'warning', detail, fix };
}
