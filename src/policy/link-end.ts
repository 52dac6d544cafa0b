const SECOND = 1000;
/** Farther away than this no link ends; the number means something else. */
const LONGEST = 366 * 24 * 3600 * SECOND;

/**
 * When a signed link ends, as its own query says, in milliseconds since the epoch by the clock of the server; undefined
 * when it says nothing, or nothing that can be.
 *
 * Understands AWS Signature 4 (`X-Amz-Date`, `X-Amz-Expires`), Google Cloud Storage V4 (`X-Goog-…`), `Expires` beside a
 * `Signature` (AWS Signature 2, CloudFront, Google V2), and Azure SAS (`se` beside `sig`).
 *
 * @param now of the answer that had the link, by the clock of the server
 */
export function linkEnd(url: string, now: number): number | undefined {
  const query = new Map([...new URL(url).searchParams].map(([name, value]) => [name.toLowerCase(), value]));
  const ends = [
    endOfSpan(query.get('x-amz-date'), query.get('x-amz-expires')),
    endOfSpan(query.get('x-goog-date'), query.get('x-goog-expires')),
    query.has('signature') ? Number(query.get('expires') ?? Number.NaN) * SECOND : Number.NaN,
    query.has('sig') ? Date.parse(query.get('se') ?? '') : Number.NaN,
  ].filter((end) => end > now && end < now + LONGEST);
  return ends.length === 0 ? undefined : Math.min(...ends);
}

/** `20260101T000000Z` and the seconds after it. */
function endOfSpan(from: string | undefined, seconds: string | undefined): number {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(from ?? '');
  if (match === null || seconds === undefined) return Number.NaN;
  const [, year, month, day, hour, minute, second] = match;
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) + Number(seconds) * SECOND;
}
