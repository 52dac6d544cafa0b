import { createHash } from 'node:crypto';
import type { ExportRequest } from '../contract.ts';
import { isExport } from '../fhir/operations.ts';

/** Equal for requests that ask for the same data at the same place, whatever the order of their fields. */
export function hashRequest(request: ExportRequest): string {
  const { server, level, groupId, parameters, prefer, attachments } = request;
  // Named or not, it is the same; folders of earlier versions know of no other.
  const operation = isExport(request.operation) ? undefined : request.operation;
  const same = { server, level, groupId, operation, parameters, prefer, attachments };
  return createHash('sha256')
    .update(JSON.stringify(sorted(same)))
    .digest('hex');
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value) || typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
