import type { Config } from '../config.ts';
import type { ExportRequest } from '../contract.ts';
import { ExportError } from '../errors.ts';
import { gainedMembersAt } from '../export-folder/member-lists.ts';
import { openDestination } from '../storage/destinations.ts';

/** A request that may be for members whom an export has found to be new. */
type Asked = Pick<ExportRequest, 'groupId' | 'parameters' | 'newMembersOf'>;

/**
 * The request as it is sent: it names the patients, whom no history may. The list is at the same destination, and of the same
 * server.
 *
 * @throws ExportError `InvalidRequest`, `UnknownDestination`, `DestinationFailed`
 */
export async function nameNewMembers<Request extends Asked>(
  config: Config,
  { destination, baseUrl }: { destination: string; baseUrl: string },
  request: Request,
): Promise<Request> {
  const { newMembersOf, groupId } = request;
  if (newMembersOf === undefined) return request;
  const ids = await gainedMembersAt(await openDestination(config, destination, ''), newMembersOf, { baseUrl, groupId });
  if (ids === undefined || ids.length === 0) {
    throw new ExportError('InvalidRequest', `newMembersOf: ${newMembersOf} has no list of new members of the group`);
  }
  return { ...request, parameters: { ...request.parameters, patient: ids.map((id) => `Patient/${id}`) } };
}
