import { createHash } from 'node:crypto';
import type { ExportRequest } from '../contract.ts';
import { isExport } from '../fhir/operations.ts';
import { listParameters } from '../fhir/parameters.ts';

/** Equal for requests that ask for the same data at the same place, whatever the order of their fields. */
export function hashRequest(request: ExportRequest): string {
  const { server, level, groupId, parameters, prefer, attachments, newMembersOf } = request;
  // Named or not, it is the same; folders of earlier versions know of no other.
  const operation = isExport(request.operation) ? undefined : request.operation;
  return hash({ server, level, groupId, operation, parameters, prefer, attachments, newMembersOf });
}

/**
 * Equal for requests that ask one base URL for the same data, from whatever time on, however they write it. A mark counts
 * for requests of the same hash.
 */
export function hashOfData(request: ExportRequest, baseUrl: string): string {
  const { server, level, groupId, parameters, prefer, attachments, newMembersOf } = request;
  const operation = isExport(request.operation) ? undefined : request.operation;
  const asked = listParameters(parameters ?? {})
    .filter(({ name }) => name !== '_since')
    .map(({ name, values }) => [name, values.map(String).sort()]);
  const preferences = [...(prefer ?? [])].sort();
  return hash({
    server,
    baseUrl,
    level,
    groupId,
    operation,
    asked: Object.fromEntries(asked),
    preferences,
    attachments,
    newMembersOf,
  });
}

function hash(value: object): string {
  return createHash('sha256')
    .update(JSON.stringify(sorted(value)))
    .digest('hex');
}

/**
 * Equal for requests that differ in `_since` at most: one may go on where another one ended. Those of new members are one
 * series, whosever they are: retention keeps the last export of each.
 */
export function hashSeries(request: ExportRequest): string {
  const { newMembersOf } = request;
  return hashRequest({ ...withoutSince(request), ...(newMembersOf === undefined ? {} : { newMembersOf: '' }) });
}

/** The same request for all data, whenever they changed. */
export function withoutSince(request: ExportRequest): ExportRequest {
  const { _since, ...others } = request.parameters ?? {};
  // Without any parameter as if none had been given.
  const parameters = Object.keys(others).length === 0 ? undefined : others;
  return { ...request, parameters } as ExportRequest;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value) || typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
