import { randomUUID } from 'node:crypto';
import type { CheckRequest, CheckRow } from '../contract.ts';
import { checkAuthorization } from '../fhir-server/check/check-authorization.ts';
import { checkMetadata } from '../fhir-server/check/check-metadata.ts';
import { checkOtherEntries } from '../fhir-server/check/check-other-entries.ts';
import { checkRequest } from '../fhir-server/check/check-request.ts';
import { planExport } from '../fhir-server/check/plan-export.ts';
import { tryRow } from '../fhir-server/check/rows.ts';
import { defaultDestination, openDestination } from '../storage/destinations.ts';
import { tryFolder } from '../storage/try-folder.ts';
import type { ActivityDeps } from './deps.ts';

/**
 * Tries everything that an export needs, without exporting: discovery, key, clock, token, scopes, export operations,
 * and writing at the destination. Every row that is not ok has its fix beside it. Of a request that is not allowed, nothing
 * is tried but the server's public description (`metadata`).
 *
 * @throws ExportError `UnknownServer`
 */
export async function checkServer(deps: ActivityDeps, wished: CheckRequest): Promise<CheckRow[]> {
  const server = await deps.servers.get(wished.server);
  const planned = planExport(server, wished, defaultDestination(deps.config));
  const ofRequest = checkRequest(server, planned);
  // What may not be asked for or written is not tried either.
  const isAllowed = ofRequest.every(({ item, result }) => item !== 'allowed' || result !== 'failed');
  return [
    ...(isAllowed ? await checkAuthorization(server, planned) : []),
    ...(await checkMetadata(server)),
    ...checkOtherEntries(deps.config, wished.server),
    ...ofRequest,
    ...(isAllowed ? [await checkDestination(deps, planned.destination)] : []),
  ];
}

async function checkDestination(deps: ActivityDeps, name: string): Promise<CheckRow> {
  return tryRow(`destination ${name}`, 'Fix what the message names: space, rights, mount.', async () => {
    const folder = await openDestination(deps.config, name, `check-${randomUUID()}`);
    try {
      await tryFolder(folder);
      return `${folder.location.replace(/.check-[0-9a-f-]*$/, '')} can be written`;
    } finally {
      await folder.remove('');
    }
  });
}
