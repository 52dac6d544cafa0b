import type { ServerAuthorization } from '../../auth/server-authorization.ts';
import type { CheckRow } from '../../contract.ts';
import { missingTypes, uncoveredTypes } from '../../fhir/scopes.ts';
import { refreshFirst, scopesFor } from '../ask-for-scopes.ts';
import type { FhirServer } from '../fhir-server.ts';
import type { PlannedExport } from './plan-export.ts';
import { okRow, tryRow } from './rows.ts';

/** Milliseconds of difference between clocks that are worth a warning. */
const NOTABLE_SKEW = 30_000;

/** Checks all that a token needs: discovery, key, credentials, scopes and clock, as far as the scheme has them. */
export async function checkAuthorization(
  server: FhirServer,
  { level, types, attachments }: Pick<PlannedExport, 'level' | 'types' | 'attachments'>,
): Promise<CheckRow[]> {
  const { authorization } = server;
  if (authorization.isOpen) return [okRow('authorization', 'none is configured')];
  const rows: CheckRow[] = [];
  let choices = [''];
  if (authorization.usesTokenEndpoint) {
    const found = await tryRow('token endpoint', 'Check baseUrl, or set auth.tokenUrl.', async () => {
      const smart = await authorization.smart();
      choices = await scopesFor(server, { level, types, attachments: attachments !== undefined });
      return `${new URL(smart.tokenUrl).origin}${new URL(smart.tokenUrl).pathname} (${smart.source})`;
    });
    rows.push(found);
    if (found.result === 'failed') return rows;
  }
  if (authorization.signer !== undefined) rows.push(await checkKey(authorization, authorization.signer));
  const fix = 'See the causes of AuthorizationFailed in docs/authorization.md.';
  const credentials = await tryRow('credentials', fix, async () => {
    const { scope, token: refreshed } = await refreshFirst(authorization, choices, 0);
    if (refreshed.kind === 'trouble') throw new Error(refreshed.detail);
    if (refreshed.lifetime === undefined) return 'they can be read';
    rows.push(scopesRow(scope, refreshed.granted, authorization.configuredScope, types));
    return `a token that lives ${Math.round(refreshed.lifetime / 1000)} s`;
  });
  rows.push(credentials);
  if (authorization.usesTokenEndpoint) rows.push(await checkClock(server));
  return rows;
}

function checkKey(
  authorization: ServerAuthorization,
  signer: NonNullable<ServerAuthorization['signer']>,
): Promise<CheckRow> {
  const fix = 'Configure a key that the server accepts and that is registered with it.';
  return tryRow('private key', fix, async () => {
    const { algorithms } = await authorization.smart();
    const { algorithm, keyId } = await signer(algorithms);
    return `${algorithm}, kid ${keyId}; the server accepts ${algorithms.join(', ') || 'what it does not say'}`;
  });
}

function scopesRow(
  scope: string,
  granted: string | undefined,
  configured: string | undefined,
  types: readonly string[],
): CheckRow {
  const missing = missingTypes(scope, granted);
  const uncovered = configured === undefined ? [] : uncoveredTypes(configured, types);
  if (missing.length === 0 && uncovered.length === 0) return okRow('scopes', `"${scope}" is granted`);
  const faults = [
    ...(missing.length === 0 ? [] : [`not granted: ${listTypes(missing)}`]),
    ...(uncovered.length === 0 ? [] : [`not in the configured scope: ${listTypes(uncovered)}`]),
  ];
  return {
    item: 'scopes',
    result: 'warning',
    detail: `asked for "${scope}", ${faults.join('; ')}`,
    fix:
      missing.length > 0
        ? 'Have the scopes registered for this client, or narrow the export with _type.'
        : 'Widen auth.scope, or narrow the export with _type.',
  };
}

function listTypes(types: readonly string[]): string {
  return types.map((type) => (type === '*' ? 'all other types' : type)).join(', ');
}

async function checkClock({ authorization }: FhirServer): Promise<CheckRow> {
  const { clocks } = authorization;
  const { origin } = new URL((await authorization.smart()).tokenUrl);
  const skew = clocks.offset(origin);
  const detail = `the server's is ${Math.abs(Math.round(skew / 1000))} s ${skew < 0 ? 'behind' : 'ahead'}`;
  if (Math.abs(skew) < NOTABLE_SKEW) return okRow('clock', detail);
  return {
    item: 'clock',
    result: 'warning',
    detail: `${detail}; assertions are made by ${clocks.chosen(origin) === 'ours' ? 'ours' : 'it'}`,
    fix: 'Set the clock of this machine or inform the server’s operators.',
  };
}
