import type { ExportRequest } from '../contract.ts';
import { ExportError } from '../errors.ts';
import { faultOfPath } from '../policy/request/validate-path.ts';
import { dotsInGroupId, problemsOfRequest } from '../policy/request/validate-request.ts';
import { fewOf } from '../policy/short-texts.ts';

/**
 * Checks again, by the workflow's own rules, what an export is begun with. Whoever may use the namespace can start an
 * activity without the workflow, and what a server `allow`s would not hold for what is no group or no folder.
 *
 * @param path below the destination
 * @throws ExportError `InvalidRequest` with every problem
 */
export function requireValid(request: ExportRequest, path: string): void {
  const fault = typeof path === 'string' ? faultOfPath(path) : 'must be text';
  const problems = [
    ...problemsOfRequest(request),
    ...dotsInGroupId(request),
    ...(fault === undefined ? [] : [`destination.path: ${fault}`]),
  ];
  if (problems.length > 0) throw new ExportError('InvalidRequest', fewOf(problems).join('; '));
}
