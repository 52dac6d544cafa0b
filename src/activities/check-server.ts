import { randomUUID } from 'node:crypto';
import type { CheckRequest, CheckRow } from '../contract.ts';
import { ExportError } from '../errors.ts';
import { findExport } from '../fhir/capability.ts';
import { deriveScopes, chooseSyntax, missingTypes, uncoveredTypes } from '../fhir/scopes.ts';
import { readText } from '../http/read-text.ts';
import { defaultDestination, openDestination } from '../storage/destinations.ts';
import type { ActivityDeps } from './deps.ts';
import type { KnownServer } from '../fhir-server/servers.ts';

const LARGEST_STATEMENT = 20 * 1024 * 1024;
/** Milliseconds of difference between clocks that are worth a word. */
const NOTABLE_SKEW = 30_000;

/**
 * Tries everything that an export needs, without exporting: discovery, key, clock, token, scopes, export operations,
 * and writing at the destination. Every row that is not ok has its fix beside it.
 */
export async function checkServer(deps: ActivityDeps, request: CheckRequest): Promise<CheckRow[]> {
  const server = await deps.servers.get(request.server);
  const authorization = server.authorization.isOpen
    ? [ok('authorization', 'none is configured')]
    : await checkAuthorization(server, request);
  return [...authorization, ...(await checkStatement(deps, server)), await checkDestination(deps, request)];
}

async function checkAuthorization({ authorization, config }: KnownServer, request: CheckRequest): Promise<CheckRow[]> {
  const rows: CheckRow[] = [];
  let scope = '';
  if (authorization.usesTokenEndpoint) {
    const found = await attempt('token endpoint', 'Check baseUrl, or set auth.tokenUrl.', async () => {
      const smart = await authorization.smart();
      const types = request.types ?? [];
      scope =
        authorization.configuredScope ??
        deriveScopes({ level: request.level ?? 'system', types, attachments: false }, chooseSyntax(smart));
      return `${new URL(smart.tokenUrl).origin}${new URL(smart.tokenUrl).pathname} (${smart.source})`;
    });
    rows.push(found);
    if (found.result === 'failed') return rows;
  }
  if (config.auth.type === 'smart-backend') {
    rows.push(
      await attempt(
        'private key',
        'Configure a key that the server accepts and that is registered with it.',
        async () => {
          const { algorithms } = await authorization.smart();
          const { algorithm, keyId } = await authorization.signer(algorithms);
          return `${algorithm}, kid ${keyId}; the server accepts ${algorithms.join(', ') || 'what it does not say'}`;
        },
      ),
    );
  }
  const token = await attempt(
    'credentials',
    'See the causes of AuthorizationFailed in docs/authorization.md.',
    async () => {
      const refreshed = await authorization.refresh(scope, 0);
      if ('trouble' in refreshed) throw new Error(refreshed.trouble);
      if (refreshed.lifetime === undefined) return 'they can be read';
      rows.push(scopesRow(scope, refreshed.granted, authorization.configuredScope, request.types ?? []));
      return `a token that lives ${Math.round(refreshed.lifetime / 1000)} s`;
    },
  );
  rows.push(token);
  if (authorization.usesTokenEndpoint) rows.push(await checkClock({ authorization }));
  return rows;
}

function scopesRow(
  scope: string,
  granted: string | undefined,
  configured: string | undefined,
  types: readonly string[],
): CheckRow {
  const missing = missingTypes(scope, granted);
  const uncovered = configured === undefined ? [] : uncoveredTypes(configured, types);
  if (missing.length === 0 && uncovered.length === 0) return ok('scopes', `"${scope}" is granted`);
  const list = (types: readonly string[]): string =>
    types.map((type) => (type === '*' ? 'all other types' : type)).join(', ');
  const faults = [
    ...(missing.length === 0 ? [] : [`not granted: ${list(missing)}`]),
    ...(uncovered.length === 0 ? [] : [`not in the configured scope: ${list(uncovered)}`]),
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

async function checkClock({ authorization }: Pick<KnownServer, 'authorization'>): Promise<CheckRow> {
  const skew = authorization.clocks.offset(new URL((await authorization.smart()).tokenUrl).origin);
  const detail = `the server's is ${Math.abs(Math.round(skew / 1000))} s ${skew < 0 ? 'behind' : 'ahead'}`;
  return Math.abs(skew) < NOTABLE_SKEW
    ? ok('clock', detail)
    : {
        item: 'clock',
        result: 'warning',
        detail: `${detail}; assertions are made by it`,
        fix: 'Set the clock of this machine or tell the server’s operators.',
      };
}

async function checkStatement(deps: ActivityDeps, { config, rules }: KnownServer): Promise<CheckRow[]> {
  const row = await attempt(
    'CapabilityStatement',
    'Not needed for an export; check baseUrl if exports fail too.',
    async () => {
      const url = `${config.baseUrl.replace(/\/+$/, '')}/metadata`;
      const response = await deps.http.send(
        { method: 'GET', url, headers: { accept: 'application/fhir+json' } },
        rules,
      );
      const text = await readText(response, LARGEST_STATEMENT);
      if (response.status !== 200) throw new Error(`HTTP ${response.status}`);
      const statement = parseStatement(text);
      const levels = (['system', 'patient', 'group'] as const).flatMap((level) => {
        const found = findExport(statement, level);
        if (found?.declared !== true) return [];
        return [`${level} $${found.operation}${found.version === undefined ? '' : ` (IG ${found.version})`}`];
      });
      return `FHIR ${statement.fhirVersion ?? 'of unknown version'}, exports: ${levels.join(', ') || 'none declared'}`;
    },
  );
  return [row.result === 'failed' ? { ...row, result: 'warning' } : row];
}

async function checkDestination(deps: ActivityDeps, request: CheckRequest): Promise<CheckRow> {
  const name = request.destination ?? defaultDestination(deps.config);
  return attempt(`destination ${name}`, 'Mend what the message names: space, rights, mount.', async () => {
    const folder = await openDestination(deps.config, name, `check-${randomUUID()}`);
    try {
      await folder.write('probe', 'probe');
      if ((await folder.read('probe'))?.toString() !== 'probe') throw new Error('what was written cannot be read');
      if (await folder.create('probe', 'again')) {
        throw new Error('it writes over what is there, though told not to: two attempts could harm each other');
      }
      // Needs rights of its own, and would be missed at the very end of an export.
      await folder.removeParts();
      return `${folder.location.replace(/.check-[0-9a-f-]*$/, '')} can be written`;
    } finally {
      await folder.remove('');
    }
  });
}

async function attempt(item: string, fix: string, action: () => Promise<string>): Promise<CheckRow> {
  try {
    return ok(item, await action());
  } catch (error) {
    const code = error instanceof ExportError ? `${error.code}: ` : '';
    return { item, result: 'failed', detail: `${code}${(error as Error).message}`, fix };
  }
}

function ok(item: string, detail: string): CheckRow {
  return { item, result: 'ok', detail };
}

function parseStatement(text: string): { fhirVersion?: string } {
  try {
    return JSON.parse(text) as { fhirVersion?: string };
  } catch {
    // In no words of the parser, which quotes the answer.
    throw new Error('it is not JSON');
  }
}
