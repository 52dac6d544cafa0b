import type { Warning } from '../contract.ts';
import { ExportError } from '../errors.ts';
import type { KickOffAttempt } from '../export-folder/kick-off-attempt.ts';
import type { Answered, FhirServer } from '../fhir-server/fhir-server.ts';
import type { TokenNeeded } from '../fhir-server/token-needed.ts';
import { busyBy } from '../fhir/busy.ts';
import type { Rejection } from '../fhir/kick-off-answer.ts';
import { readRejection } from '../fhir/kick-off-answer.ts';
import type { HttpResponse } from '../http/messages.ts';
import { readText } from '../http/read-text.ts';
import { waitInDoubt } from '../policy/wait-in-doubt.ts';
import { believed } from '../profiles/poll-times.ts';
import type { ServerSettings } from '../profiles/settings.ts';
import { withoutWords } from './name-new-members.ts';

/**
 * The kick-off may be accepted later.
 *
 * `noSlot`: the server runs as many exports as it can, and takes this one later. `busy`: it wants fewer requests. `warnings`: only of a job that nobody may
 * know. `retryAfter` in milliseconds.
 */
export interface KickOffTrouble {
  kind: 'trouble';
  detail: string;
  retryAfter?: number | undefined;
  noSlot?: true;
  busy?: true;
  warnings?: Warning[];
}

/** Bytes of an answer's body that are read. */
const LARGEST_ANSWER = 1024 * 1024;

interface Circumstances {
  /** By which the kick-off is sent. */
  method: ServerSettings['kickOffMethod'];
  /** It names patients whom no history may: what the server says of them is not kept. */
  isOfNewMembers: boolean;
  /** Milliseconds from the kick-off to the answer. */
  waited: number;
  /** Notes the answer for the export's log. */
  note(status: number, detail: string): Promise<void>;
}

/**
 * What an answer leads to that accepts nothing.
 *
 * @throws ExportError `KickOffRejected`, `KickOffUnknown`, `AuthorizationFailed`
 */
export async function reject(
  attempt: KickOffAttempt,
  server: FhirServer,
  answered: Answered,
  { method, waited, isOfNewMembers, note }: Circumstances,
): Promise<TokenNeeded | KickOffTrouble> {
  const { response } = answered;
  const rejection = readRejection(response, await bodyOf(response), Date.now(), waited);
  const detail = isOfNewMembers ? withoutWords(rejection.detail) : rejection.detail;
  // Whatever else: the answer is known.
  if (rejection.kind !== 'unknown') {
    await attempt.forgetIntent('mayHaveStarted' in rejection && rejection.mayHaveStarted);
  }
  await note(response.status, detail);
  switch (rejection.kind) {
    case 'unknown':
      if (attempt.isLast) throw kickOffUnknown(detail);
      return trouble(detail, rejection.retryAfter);
    case 'refused':
      return server.refusal(answered, `the kick-off was refused: ${detail}`);
    case 'wrongMethod':
      if (attempt.capability?.version !== undefined || method !== 'auto') break;
      // A server of IG 4, whose CapabilityStatement could not be read, wants POST.
      await attempt.saveCapability({ ...attempt.capability, version: 4 });
      return trouble(detail, undefined);
    case 'trouble':
      if (rejection.mayHaveStarted) {
        return { ...trouble(detail, waitInDoubt(attempt.doubts)), warnings: attempt.warnings };
      }
      // The job that has the slot may be our own, of which nobody knows: its end cannot be waited for without one.
      if (attempt.isInDoubt) return { ...trouble(detail, rejection.retryAfter), warnings: attempt.warnings };
      return noSlot(rejection, server.settings)
        ? { ...trouble(detail, believed(rejection.retryAfter, server.settings)), noSlot: true }
        : { ...trouble(detail, rejection.retryAfter), ...busyBy(response) };
    case 'unusable':
    case 'rejected':
  }
  throw new ExportError('KickOffRejected', `${detail}${server.idsOf(response)}`);
}

/** Empty when it cannot be read: the status says what matters. */
export function bodyOf(response: HttpResponse): Promise<string> {
  return readText(response, LARGEST_ANSWER, { cut: true }).catch(() => '');
}

/** Two kick-offs, and no job that anybody knows. */
export function kickOffUnknown(detail = 'its answer was lost'): ExportError {
  return new ExportError('KickOffUnknown', `two kick-offs were sent and neither was answered: ${detail}`);
}

/** A server that is known to run so many exports at a time means them by 429, whatever else it says. */
function noSlot(
  { tooMany }: Extract<Rejection, { kind: 'trouble' }>,
  { maxConcurrentExports }: ServerSettings,
): boolean {
  return tooMany === 'exports' || (tooMany === 'requests' && maxConcurrentExports !== undefined);
}

function trouble(detail: string, retryAfter: number | undefined): KickOffTrouble {
  return { kind: 'trouble', detail, retryAfter };
}
