/** Numbers this large are a moment, not a delay: nine digits of seconds would be three years. */
const EPOCH_SECONDS = 100_000_000;
const EPOCH_MILLISECONDS = 100_000_000_000;

/**
 * The delay in milliseconds that a `Retry-After` header asks for, or undefined when it is absent, garbage, zero,
 * negative or past: then the caller backs off by itself.
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
    : delayUntil(Date.parse(text), date, now);
  return Number.isFinite(delay) && delay > 0 ? Math.ceil(delay) : undefined;
}

function delayOfNumber(value: number, date: string | undefined, now: number): number {
  if (value >= EPOCH_MILLISECONDS) return delayUntil(value, date, now);
  if (value >= EPOCH_SECONDS) return delayUntil(value * 1000, date, now);
  return value * 1000;
}

function delayUntil(moment: number, date: string | undefined, now: number): number {
  const serverNow = date === undefined ? Number.NaN : Date.parse(date);
  return moment - (Number.isFinite(serverNow) ? serverNow : now);
}
