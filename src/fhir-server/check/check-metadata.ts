import type { CheckRow } from '../../contract.ts';
import { findExport } from '../../fhir/capability.ts';
import { OPERATIONS, OPERATION_NAMES } from '../../fhir/operations.ts';
import { NetworkError } from '../../http/network-error.ts';
import { profileOf } from '../../profiles/index.ts';
import type { ProfileFit } from '../../profiles/suggest.ts';
import { compareProfile } from '../../profiles/suggest.ts';
import type { FhirServer } from '../fhir-server.ts';
import { okRow, tryRow } from './rows.ts';

const NOT_NEEDED = 'Not needed for an export; check baseUrl if exports fail too.';
const UNREACHABLE =
  'Check baseUrl, and whether the workers reach it: name, port, firewall, proxy, certificate. Otherwise, ask its operators.';

/**
 * Checks what the server declares of itself, and whether its profile fits that. Exports work without it, so that a server
 * which declares nothing earns a warning. One that cannot be reached has failed.
 */
export async function checkMetadata(server: FhirServer): Promise<CheckRow[]> {
  const { profile } = server.config;
  let isReached = true;
  let fit: ProfileFit | undefined;
  const row = await tryRow('CapabilityStatement', NOT_NEEDED, async () => {
    const answer = await server.metadata().catch((error: unknown) => {
      isReached = !(error instanceof NetworkError) || error.maybeSent;
      throw error;
    });
    if (answer.kind !== 'document') throw new Error(answer.detail);
    fit = compareProfile(profileOf(profile), answer.document);
    const { fhirVersion } = answer.document;
    const version = typeof fhirVersion === 'string' ? fhirVersion : 'of unknown version';
    return `FHIR ${version}, exports: ${declaredExports(answer.document).join(', ') || 'none declared'}`;
  });
  const rows = [profileRow(profile, fit)];
  if (!isReached) return [{ ...row, fix: UNREACHABLE }, ...rows];
  return [row.result === 'failed' ? { ...row, result: 'warning' } : row, ...rows];
}

/** @param fit undefined: there is no statement */
function profileRow(configured: string, fit: ProfileFit | undefined): CheckRow {
  switch (fit?.kind) {
    case 'other': {
      const { name, product } = fit.suggested;
      return warning(
        `${configured}; the CapabilityStatement looks like ${product}`,
        `Set profile: ${name} for this server, if that is what it is (docs/servers.md).`,
      );
    }
    case 'notShown':
      return warning(
        `${configured}; the CapabilityStatement does not look like ${profileOf(configured).product}`,
        'Correct profile for this server, unless its operators have given it another name (docs/servers.md).',
      );
    case 'noSign':
      return okRow('profile', `${configured}; it is not known how a CapabilityStatement would show it`);
    case 'fits':
      return okRow('profile', configured);
    case undefined:
      return okRow('profile', `${configured}; there is no CapabilityStatement to compare it with`);
  }
}

function warning(detail: string, fix: string): CheckRow {
  return { item: 'profile', result: 'warning', detail, fix };
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
