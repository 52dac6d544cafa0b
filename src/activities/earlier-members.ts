import type { Config } from '../config.ts';
import type { MemberList } from '../contract.ts';
import { knownMembersAt } from '../export-folder/member-lists.ts';
import type { FhirServer } from '../fhir-server/fhir-server.ts';
import { faultOfPath } from '../policy/request/validate-path.ts';
import { openDestination } from '../storage/destinations.ts';

/**
 * The members that the list of an export before names, for exports of the same data. Undefined when it is not there any more,
 * or not at a place where exports of the server may be.
 *
 * @throws ExportError `DestinationFailed`
 */
export async function earlierMembers(
  config: Config,
  { config: { allow } }: Pick<FhirServer, 'config'>,
  { last, requestHash }: { last?: MemberList | undefined; requestHash: string },
): Promise<readonly string[] | undefined> {
  if (last === undefined || !Object.hasOwn(config.destinations, last.destination)) return undefined;
  // Anybody may have begun the export, or this activity alone.
  if (allow?.destinations?.includes(last.destination) === false) return undefined;
  if (typeof last.path !== 'string' || faultOfPath(last.path) !== undefined) return undefined;
  return knownMembersAt(await openDestination(config, last.destination, ''), last, requestHash);
}
