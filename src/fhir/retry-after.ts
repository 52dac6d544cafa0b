/** Numbers this large are a moment, not a delay: nine digits of seconds would be three years. */
const EPOCH_SECONDS = 100_000_000;
const EPOCH_MILLISECONDS = 100_000_000_000;

const SHORTEST = 1000;
/** The longest deadline that an export can have; beyond the range of dates a time could not even be shown. */
const LONGEST = 365 * 24 * 60 * 60 * 1000;

/** IMF-fixdate and RFC 850 end in GMT; zones as in ISO 8601 do no harm. Anything else that parses was not meant so. */
const WITH_ZONE = /\d\d:\d\d:\d\d.*(GMT|UTC|Z|[+-]\d\d:?\d\d)$/i;
const ASCTIME = /^[a-z]{3} [a-z]{3} [ \d]\d \d\d:\d\d:\d\d \d{4}$/i;

/**
 * The delay in milliseconds that a `Retry-After` header asks for, at least a second and at most a year, or undefined
 * when it is absent, garbage, zero, negative or past: then the caller backs off by itself.
 *
 * Understands seconds and HTTP dates (RFC 9110, 10.2.3) and epochs in seconds or milliseconds, which the SMART
 * reference server sends. A moment is taken against the response's own `Date`, so that a wrong clock of ours does not
 * matter; without one, against `now`.
 *
 * @param now our clock in milliseconds since the epoch
 */
export function parseRetryAfter(header: string | undefined, date: string | undefined, now: number): number | undefined {
  const text = header?.trim() ?? '';
  if (text === '') return undefined;
  const delay = /^\d+(\.\d+)?$/.test(text)
    ? delayOfNumber(Number(text), date, now)
    : delayUntil(parseMoment(text), date, now);
  return delay > 0 ? Math.min(LONGEST, Math.max(SHORTEST, Math.ceil(delay))) : undefined;
}

function delayOfNumber(value: number, date: string | undefined, now: number): number {
  if (value >= EPOCH_MILLISECONDS) return delayUntil(value, date, now);
  if (value >= EPOCH_SECONDS) return delayUntil(value * 1000, date, now);
  return value * 1000;
}

function delayUntil(moment: number, date: string | undefined, now: number): number {
  const serverNow = date === undefined ? Number.NaN : parseMoment(date.trim());
  return moment - (Number.isFinite(serverNow) ? serverNow : now);
}

/** A date of HTTP (RFC 9110, 5.6.7) in milliseconds since the epoch; NaN when the text is none. */
export function parseMoment(text: string): number {
  if (WITH_ZONE.test(text)) return Date.parse(text);
  // asctime names no zone and means UTC; without one it would be read as this machine's.
  return ASCTIME.test(text) ? Date.parse(`${text} GMT`) : Number.NaN;
}
