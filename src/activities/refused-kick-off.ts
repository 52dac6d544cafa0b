import type { Warning } from '../contract.ts';
import { ExportError } from '../errors.ts';
import type { KickOffAttempt } from '../export-folder/kick-off-attempt.ts';
import type { Answered, FhirServer } from '../fhir-server/fhir-server.ts';
import type { TokenNeeded } from '../fhir-server/token-needed.ts';
import { busyBy } from '../fhir/busy.ts';
import { readRejection } from '../fhir/kick-off-answer.ts';
import type { OperationName } from '../fhir/operations.ts';
import { OPERATIONS } from '../fhir/operations.ts';
import { withoutWords } from '../fhir/quote.ts';
import type { HttpResponse } from '../http/messages.ts';
import { readText } from '../http/read-text.ts';
import { waitInDoubt } from '../policy/wait-in-doubt.ts';
import { notNowOf } from '../profiles/not-now.ts';
import { believed } from '../profiles/poll-times.ts';
import type { ServerSettings } from '../profiles/settings.ts';

/**
 * The kick-off may be accepted later.
 *
 * `noSlot`: the server runs as many exports as it can, or has begun one too lately, and takes this one later. `noJob`: it
 * has none of this export for sure. `unreachable`: it was not reached, which is never about this request alone: others could
 * do no better with the slot. `busy`: it wants fewer requests. `warnings`: only of a job that nobody may know. `retryAfter` in
 * milliseconds.
 */
export interface KickOffTrouble {
  kind: 'trouble';
  detail: string;
  retryAfter?: number | undefined;
  noSlot?: true;
  noJob?: true;
  unreachable?: true;
  busy?: true;
  warnings?: Warning[];
}

/** Bytes of an answer's body that are read. */
const LARGEST_ANSWER = 1024 * 1024;

interface Circumstances {
  /** Why the status URL must not be asked, where there is one. */
  fault: string | undefined;
  /** The operation that the request names. */
  requested: OperationName | undefined;
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
  { fault, requested, waited, isOfNewMembers, note }: Circumstances,
): Promise<TokenNeeded | KickOffTrouble> {
  const { response } = answered;
  const body = await bodyOf(response);
  const rejection = readRejection(response, body, Date.now(), waited);
  const said =
    fault === undefined ? rejection.detail : `${rejection.detail} (Content-Location must not be asked: ${fault})`;
  const detail = isOfNewMembers ? withoutWords(said) : said;
  // Whatever else: the answer is known.
  const mayHaveStarted = 'mayHaveStarted' in rejection && rejection.mayHaveStarted;
  if (rejection.kind !== 'unknown') await attempt.forgetIntent(mayHaveStarted);
  await note(response.status, detail);
  if (rejection.kind === 'trouble' && mayHaveStarted) return inDoubt(attempt, detail, waitInDoubt(attempt.doubts));
  const named = 'retryAfter' in rejection ? rejection.retryAfter : undefined;
  const notNow = notNowOf({ status: response.status, body, ...rejection }, server.settings);
  const wait = believed(named ?? inMilliseconds(notNow?.waitSeconds), server.settings);
  if (notNow !== undefined) {
    return attempt.isInDoubt ? inDoubt(attempt, detail, wait) : { ...trouble(detail, wait), noSlot: true };
  }
  switch (rejection.kind) {
    case 'unknown':
      if (attempt.isLast) throw kickOffUnknown(detail);
      return trouble(detail, wait);
    case 'refused':
      return server.refusal(answered, `the kick-off was refused: ${detail}`);
    case 'wrongMethod':
      if (!(await noteOtherMethod(attempt, server.settings, requested))) break;
      return trouble(detail, undefined);
    case 'trouble':
      return attempt.isInDoubt
        ? inDoubt(attempt, detail, wait)
        : { ...trouble(detail, wait), noJob: true, ...busyBy(response) };
    case 'unusable':
    case 'rejected':
  }
  throw new ExportError('KickOffRejected', `${detail}${server.idsOf(response)}`);
}

/** Empty when it cannot be read: the status says what matters. */
export function bodyOf(response: HttpResponse): Promise<string> {
  return readText(response, LARGEST_ANSWER, { cut: true, cutAfter: 20_000 }).catch(() => '');
}

/** Two kick-offs, and no job that anybody knows. */
export function kickOffUnknown(detail = 'its answer was lost'): ExportError {
  return new ExportError('KickOffUnknown', `two kick-offs were sent and neither was answered: ${detail}`);
}

/** Notes for the next attempt that a 405 wants the other method; false where the settings name one, or it was tried. */
async function noteOtherMethod(
  attempt: KickOffAttempt,
  { kickOffMethod }: ServerSettings,
  requested: OperationName = 'export',
): Promise<boolean> {
  const { version, wantsGet } = attempt.capability ?? {};
  if (version !== undefined || wantsGet !== undefined || kickOffMethod !== 'auto') return false;
  // A server of IG 4, whose CapabilityStatement could not be read, wants POST.
  const known = OPERATIONS[requested].prefers === 'get' ? ({ version: 4 } as const) : ({ wantsGet: true } as const);
  await attempt.saveCapability({ ...attempt.capability, ...known });
  return true;
}

/** The job that has the slot may be our own, of which nobody knows: its end cannot be waited for without one. */
function inDoubt(attempt: KickOffAttempt, detail: string, retryAfter: number | undefined): KickOffTrouble {
  return { ...trouble(detail, retryAfter), warnings: attempt.warnings };
}

function inMilliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : 1000 * seconds;
}

function trouble(detail: string, retryAfter: number | undefined): KickOffTrouble {
  return { kind: 'trouble', detail, retryAfter };
}
