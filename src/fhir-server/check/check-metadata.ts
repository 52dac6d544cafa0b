import type { CheckRow } from '../../contract.ts';
import { findExport } from '../../fhir/capability.ts';
import { OPERATIONS, OPERATION_NAMES } from '../../fhir/operations.ts';
import { profileOf } from '../../profiles/index.ts';
import type { Profile } from '../../profiles/profile.ts';
import { suggestProfile } from '../../profiles/suggest.ts';
import type { FhirServer } from '../fhir-server.ts';
import { okRow, tryRow } from './rows.ts';

/**
 * Checks what the server declares of itself, and whether its profile fits that. A failure is a warning: exports work
 * without it.
 */
export async function checkMetadata(server: FhirServer): Promise<CheckRow[]> {
  const fix = 'Not needed for an export; check baseUrl if exports fail too.';
  let suggested: Profile | undefined;
  const row = await tryRow('CapabilityStatement', fix, async () => {
    const answer = await server.metadata();
    if (answer.kind !== 'document') throw new Error(answer.detail);
    suggested = suggestProfile(answer.document);
    const { fhirVersion } = answer.document;
    const version = typeof fhirVersion === 'string' ? fhirVersion : 'of unknown version';
    return `FHIR ${version}, exports: ${declaredExports(answer.document).join(', ') || 'none declared'}`;
  });
  return [row.result === 'failed' ? { ...row, result: 'warning' } : row, profileRow(server.config.profile, suggested)];
}

/** Warns where the statement shows another kind of server, unless that of the configuration shows itself by nothing. */
function profileRow(configured: string, suggested: Profile | undefined): CheckRow {
  const isKnown = configured !== 'generic' && profileOf(configured).sign === undefined;
  if (suggested === undefined || suggested.name === configured || isKnown) return okRow('profile', configured);
  return {
    item: 'profile',
    result: 'warning',
    detail: `${configured}; the CapabilityStatement looks like ${suggested.product}`,
    fix: `Set profile: ${suggested.name} for this server, if that is what it is (docs/servers.md).`,
  };
}

function declaredExports(statement: Record<string, unknown>): string[] {
  return OPERATION_NAMES.flatMap((operation) =>
    OPERATIONS[operation].levels.flatMap((level) => {
      const found = findExport(statement, level, operation);
      if (found?.declared !== true) return [];
      return [`${level} $${found.operation}${found.version === undefined ? '' : ` (IG ${found.version})`}`];
    }),
  );
}
