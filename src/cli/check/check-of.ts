import type { CheckRequest } from '../../contract.ts';
import type { DataOptions } from '../export/request-of.ts';
import { dataOf, requireOneLevel } from '../export/request-of.ts';

export interface CheckOptions extends DataOptions {
  destination?: string;
  level?: string;
  types?: string[];
  prefer?: string[];
}

/**
 * The check that the options mean: without a level, of any that the server does. It may be invalid.
 *
 * @throws UsageError
 */
export function checkOf(server: string, options: CheckOptions): CheckRequest {
  const { destination, group, system, patientLevel, since } = options;
  const asked = [...(options.type ?? []), ...(options.types ?? [])];
  requireOneLevel(options);
  const ofOption = system === true ? 'system' : options.level;
  const level = patientLevel === true ? 'patient' : ofOption;
  const prefer = [...(options.prefer ?? []), ...(options.lenient === true ? ['handling=lenient'] : [])];
  const data = { ...options, ...(asked.length === 0 ? {} : { type: asked }), lenient: false };
  return {
    server,
    ...(destination === undefined ? {} : { destination }),
    ...(level === undefined ? {} : { level }),
    ...(group === undefined ? {} : { groupId: group }),
    ...dataOf(data, since === 'last' ? new Date().toISOString() : since),
    ...(prefer.length === 0 ? {} : { prefer: [...new Set(prefer)] }),
  } as CheckRequest;
}
