import type { ExportOperation, ExportRequest } from '../../contract.ts';
import { dotsInGroupId, validateRequest } from '../../policy/request/validate-request.ts';
import { namedValues } from '../arguments.ts';
import { UsageError } from '../exit-codes.ts';

/** Options of `addDataOptions`: which data is asked for. */
export interface DataOptions {
  type?: string[];
  since?: string;
  typeFilter?: string[];
  elements?: string[];
  patient?: string[];
  group?: string;
  patientLevel?: boolean;
  system?: boolean;
  parameter?: string[];
  operation?: ExportOperation;
  lenient?: boolean;
  attachments?: boolean;
}

/** Options of `export` that say what is asked of the FHIR server. */
export interface RequestOptions extends DataOptions {
  keepServerFiles?: boolean;
  onIncomplete?: 'fail' | 'wait';
  requestedBy?: string;
  purpose?: string;
  deadline?: string;
}

/**
 * The request that the options mean.
 *
 * @param server name of the server
 * @param since `_since`; undefined: all data
 * @param more fields that no option of {@link RequestOptions} means, such as a destination
 * @throws UsageError that names every fault
 */
export function requestOf(
  server: string,
  options: RequestOptions,
  since: string | undefined,
  more: Pick<ExportRequest, 'destination' | 'incremental'> = {},
): ExportRequest {
  const request = {
    server,
    ...levelOf(options),
    ...dataOf(options, since),
    ...(options.keepServerFiles === true ? { keepServerFiles: true } : {}),
    ...(options.onIncomplete === undefined ? {} : { onIncomplete: options.onIncomplete }),
    ...(options.requestedBy === undefined ? {} : { requestedBy: options.requestedBy }),
    ...(options.purpose === undefined ? {} : { purpose: options.purpose }),
    ...(options.deadline === undefined ? {} : { deadline: options.deadline }),
    ...more,
  };
  return requireValid(request);
}

/**
 * The fields of a request that the options of `addDataOptions` mean, except the level. They may be invalid.
 *
 * @throws UsageError when a parameter is given twice
 */
export function dataOf(options: DataOptions, since: string | undefined): object {
  const others = namedValues(options.parameter ?? []);
  refuseTwice(options, others);
  const parameters = {
    _type: options.type,
    _since: since,
    _typeFilter: options.typeFilter,
    _elements: options.elements,
    patient: options.patient,
    ...others,
  };
  const given = Object.fromEntries(Object.entries(parameters).filter(([, value]) => value !== undefined));
  return {
    ...(options.operation === undefined ? {} : { operation: options.operation }),
    ...(Object.keys(given).length === 0 ? {} : { parameters: given }),
    ...(options.lenient === true ? { prefer: ['handling=lenient'] } : {}),
    ...(options.attachments === true ? { attachments: 'download' } : {}),
  };
}

/** @throws UsageError that names every fault for which the workflow would refuse it */
export function requireValid(request: unknown): ExportRequest {
  const checked = validateRequest(request);
  const problems = checked.kind === 'invalid' ? checked.problems : dotsInGroupId(checked.request);
  if (problems.length > 0) throw new UsageError(`These options make no valid request: ${problems.join('; ')}`);
  return request as ExportRequest;
}

/** A parameter that has an option of its own is given once. */
function refuseTwice(options: DataOptions, others: Readonly<Record<string, unknown>>): void {
  const { type, since, typeFilter, elements, patient } = options;
  const own = { _type: type, _since: since, _typeFilter: typeFilter, _elements: elements, patient };
  for (const [name, value] of Object.entries(own)) {
    if (value !== undefined && Object.hasOwn(others, name)) {
      throw new UsageError(`${name} is given by an option of its own: leave out --param ${name}=…`);
    }
  }
}

function levelOf(options: DataOptions): Pick<ExportRequest, 'level' | 'groupId'> {
  const { group, system } = options;
  requireOneLevel(options);
  if (group !== undefined) return { level: 'group', groupId: group };
  return { level: system === true ? 'system' : 'patient' };
}

/** @throws UsageError */
export function requireOneLevel({ group, system, patientLevel }: DataOptions): void {
  const asked = [group !== undefined, system === true, patientLevel === true].filter(Boolean);
  if (asked.length > 1) throw new UsageError('Give one of --group, --patient-level and --system.');
}
