import type { GroupMembers } from '../fhir/group-members.ts';
import { readGroupMembers } from '../fhir/group-members.ts';
import { parseRetryAfter } from '../fhir/retry-after.ts';
import type { HttpResponse } from '../http/messages.ts';
import { TooLongError } from '../http/decode-text.ts';
import { NetworkError } from '../http/network-error.ts';
import { readText } from '../http/read-text.ts';
import type { FhirServer } from './fhir-server.ts';
import type { TokenNeeded, TokenRef } from './token-needed.ts';

/** Largest Group that is read, in bytes: some hundred thousand members. */
const LARGEST_GROUP = 64 * 1024 * 1024;
/** Milliseconds that it may take from its headers on. */
const TIME = 10 * 60 * 1000;
/** Statuses that may pass. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429]);

export type GroupAnswer =
  | TokenNeeded
  | GroupMembers
  /** To be tried again. `retryAfter` in milliseconds. */
  | { kind: 'trouble'; detail: string; retryAfter?: number | undefined };

/**
 * Reads who the members of a group are. What the server says beside the status may name patients, and is not quoted.
 *
 * @throws ExportError `AuthorizationFailed`; the signal's reason
 */
export async function readGroup(
  server: FhirServer,
  groupId: string,
  token: TokenRef | undefined,
  signal: AbortSignal,
): Promise<GroupAnswer> {
  const url = `${server.config.baseUrl}/Group/${encodeURIComponent(groupId)}`;
  const headers = { accept: 'application/fhir+json' };
  const sent = await server.send({ what: 'group', method: 'GET', url, headers, signal }, token);
  if (sent.kind === 'tokenNeeded') return sent;
  if (sent.kind === 'refusedUrl') return { kind: 'unknown', why: sent.detail };
  if (sent.kind === 'unreachable') return { kind: 'trouble', detail: sent.detail };
  const { response } = sent;
  let body: string;
  try {
    body = await readText(response, LARGEST_GROUP, { within: TIME });
  } catch (error) {
    if (error instanceof TooLongError) return { kind: 'unknown', why: `the Group: ${error.message}` };
    if (error instanceof NetworkError) return { kind: 'trouble', detail: error.message };
    throw error;
  }
  if (response.status === 200) return readGroupMembers(body, server.config.baseUrl, Date.now());
  const detail = `the Group cannot be read: HTTP ${response.status}`;
  // Whoever may not read Groups may export them all the same: another token helps only against 401.
  if (response.status === 401) return server.refusal(sent, detail);
  return mayPass(response)
    ? { kind: 'trouble', detail, retryAfter: retryAfterOf(response) }
    : { kind: 'unknown', why: detail };
}

function mayPass({ status }: HttpResponse): boolean {
  return PASSING.has(status) || (status >= 500 && status !== 501 && status !== 505);
}

function retryAfterOf({ headers }: HttpResponse): number | undefined {
  return parseRetryAfter(headers['retry-after'], headers['date'], Date.now());
}
