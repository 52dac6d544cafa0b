import type { Rejection, TooMany } from '../fhir/kick-off-answer.ts';
import type { NotNowAnswer, ServerSettings } from './settings.ts';

/** An answer to a kick-off, as far as it says whether another one may be accepted later. */
export interface Refusal {
  kind: Rejection['kind'];
  tooMany?: TooMany | undefined;
  status: number;
  body: string;
}

/**
 * What a server means that refuses a kick-off for now, because a job is running or the last was too recent; undefined
 * where it means something else. Its `waitSeconds` is for answers that name no time.
 */
export function notNowOf(
  { kind, status, body, tooMany }: Refusal,
  { notNowAnswers, maxConcurrentExports }: ServerSettings,
): NotNowAnswer | undefined {
  if (kind === 'unusable' || kind === 'unknown') return undefined;
  const text = body.toLowerCase();
  const known = notNowAnswers.find(
    (one) => (one.status ?? status) === status && text.includes((one.text ?? '').toLowerCase()),
  );
  if (known !== undefined) return known;
  // A server that is known to run so many exports at a time means them by 429, whatever else it says.
  const isNoSlot = tooMany === 'exports' || (tooMany === 'requests' && maxConcurrentExports !== undefined);
  return isNoSlot ? { status } : undefined;
}
