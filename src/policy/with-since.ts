import type { ExportRequest } from '../contract.ts';

/**
 * A request as it is sent: an incremental one with its `_since`, any other as it is.
 *
 * @param since undefined: none, for all data
 */
export function withSince<Request extends Pick<ExportRequest, 'parameters' | 'incremental'>>(
  request: Request,
  since: string | undefined,
): Request {
  if (request.incremental === undefined || since === undefined) return request;
  return { ...request, parameters: { ...request.parameters, _since: since } };
}
