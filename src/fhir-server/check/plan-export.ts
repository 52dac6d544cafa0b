import type { CheckRequest, ExportLevel } from '../../contract.ts';
import type { Operation } from '../../fhir/operations.ts';
import { OPERATIONS } from '../../fhir/operations.ts';
import { listParameters } from '../../fhir/parameters.ts';
import type { AskedFor } from '../allow.ts';
import type { FhirServer } from '../fhir-server.ts';

/** The export that a check is about. */
export interface PlannedExport extends AskedFor {
  /** Resource types; empty: all. */
  types: readonly string[];
}

const LEVELS: readonly ExportLevel[] = ['system', 'patient', 'group'];

/**
 * What a check does not say is taken from what the server does and what the configuration allows, so that a check
 * without any wish fails only where every export would; and where a server needs `_since`, which has no default: the
 * check of such a server names one.
 *
 * @param defaultDestination of the configuration
 */
export function planExport(
  { settings, config: { allow = {} } }: FhirServer,
  { level, groupId, operation, types, parameters = {}, prefer, attachments, destination }: CheckRequest,
  defaultDestination: string,
): PlannedExport {
  const mustNamePatients = settings.patientParameter === 'own-level' && parameters.patient === undefined;
  const { levels }: Operation = OPERATIONS[operation ?? 'export'];
  const mayBe = (one: ExportLevel): boolean =>
    levels.includes(one) &&
    settings.levels.includes(one) &&
    !(one === 'system' && parameters.patient !== undefined) &&
    !(one === 'patient' && mustNamePatients) &&
    allow.levels?.includes(one) !== false &&
    ((allow.groups === undefined && groupId === undefined) || one === 'group');
  const planned = level ?? LEVELS.find(mayBe) ?? 'group';
  const group = planned === 'group' ? (groupId ?? allow.groups?.[0]) : groupId;
  const asked = types ?? (parameters['_type'] === undefined ? allow.types : undefined);
  const all = { ...(asked === undefined || asked.length === 0 ? {} : { _type: asked }), ...parameters };
  const isDefaultAllowed = allow.destinations?.includes(defaultDestination) !== false;
  return {
    level: planned,
    ...(group === undefined ? {} : { groupId: group }),
    ...(operation === undefined ? {} : { operation }),
    parameters: all,
    ...(prefer === undefined ? {} : { prefer }),
    ...(attachments === undefined ? {} : { attachments }),
    types: listParameters(all).flatMap(({ name, values }) => (name === '_type' ? values.map(String) : [])),
    destination:
      destination ?? (isDefaultAllowed ? defaultDestination : (allow.destinations?.[0] ?? defaultDestination)),
  };
}
