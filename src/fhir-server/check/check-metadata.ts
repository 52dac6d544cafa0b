import type { CheckRow } from '../../contract.ts';
import { findExport } from '../../fhir/capability.ts';
import type { FhirServer } from '../fhir-server.ts';
import { tryRow } from './rows.ts';

/** Checks what the server declares of itself. A failure is a warning: exports work without it. */
export async function checkMetadata(server: FhirServer): Promise<CheckRow> {
  const fix = 'Not needed for an export; check baseUrl if exports fail too.';
  const row = await tryRow('CapabilityStatement', fix, async () => {
    const answer = await server.metadata();
    if (answer.kind !== 'document') throw new Error(answer.detail);
    const { fhirVersion } = answer.document;
    const version = typeof fhirVersion === 'string' ? fhirVersion : 'of unknown version';
    return `FHIR ${version}, exports: ${declaredExports(answer.document).join(', ') || 'none declared'}`;
  });
  return row.result === 'failed' ? { ...row, result: 'warning' } : row;
}

function declaredExports(statement: Record<string, unknown>): string[] {
  return (['system', 'patient', 'group'] as const).flatMap((level) => {
    const found = findExport(statement, level);
    if (found?.declared !== true) return [];
    return [`${level} $${found.operation}${found.version === undefined ? '' : ` (IG ${found.version})`}`];
  });
}
