import type { FileCase } from '../case.ts';
import type { Asked } from '../journal.ts';
import type { Evidence } from './evidence.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Requests for one file, whatever happens: an outage of two hours is asked about every five minutes at last, by two. */
const MOST_FOR_A_FILE = 100;
const MOST_IN_A_MINUTE = 16;
/** Fetches of a file that came wrong. */
const MOST_WRONG = 3;

/** The longest that a `Retry-After` is believed, and that a file may hold others. */
const LONGEST_WAIT = 24 * HOUR;
const LONGEST_HOLD = 15 * MINUTE;

const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);

/** Requests are bounded in number and time, and come when the server has asked for them. */
export function judgeRequests(evidence: Evidence): string[] {
  const { journal, readings } = evidence;
  const { files } = evidence.case;
  const problems = [...journal.problems];
  for (const [index, file] of files.entries()) problems.push(...judgeFile(evidence, index, file));
  // Each renews links for something: at last for a file that is tried again for hours.
  const mostReadings = 4 + 4 * files.length + journal.of('file').length / 2;
  if (readings > mostReadings) problems.push(`the manifest was read ${readings} times`);
  if (journal.understood.length > 2) problems.push(`${journal.understood.length} jobs were started`);
  if (!evidence.skipsTime) return problems;
  problems.push(...judgeWaits(evidence, journal.of('kick-off'), LONGEST_WAIT, 'kick-off'));
  problems.push(
    ...judgeWaits(
      evidence,
      journal.of('status').filter(({ path }) => path.startsWith('/status')),
      LONGEST_WAIT,
      'status',
    ),
  );
  problems.push(...judgePokes(evidence), ...judgeHolds(evidence));
  return problems;
}

function judgeFile(evidence: Evidence, index: number, file: FileCase): string[] {
  const problems: string[] = [];
  const asked = evidence.journal.ofFile(index);
  const say = (what: string): number => problems.push(`file ${index}: ${what}`);
  if (asked.length > MOST_FOR_A_FILE) say(`${asked.length} requests`);
  const wrong = asked.filter(({ outcome }) => outcome === 'spoilt' || outcome === 'unusable').length;
  // Other trouble between them begins a new count.
  const other = asked.filter(
    ({ outcome }) => outcome === 'broken' || outcome === 'refused' || outcome === 'dead link',
  ).length;
  if (wrong > MOST_WRONG + 3 * Math.min(other, file.troubles.length + 2)) say(`fetched wrong ${wrong} times`);
  const final = asked.findIndex(({ status }) => status === 400 || status === 422);
  if (final !== -1 && final < asked.length - 1) say('asked again after a final refusal');
  for (const [position, { at }] of evidence.skipsTime ? asked.entries() : []) {
    const minute = asked.slice(position).filter((one) => one.at - at < MINUTE).length;
    if (minute <= MOST_IN_A_MINUTE) continue;
    say(`${minute} requests in a minute`);
    break;
  }
  for (const { headers } of asked) {
    const condition = headers['if-range'];
    if (headers['range'] === undefined) continue;
    // RFC 9110, 13.1.5: a weak validator must not be sent; without any a range may be of another version.
    if (condition === undefined) say('a range is asked for without If-Range');
    else if (evidence.journal.validators.get(index)?.has(condition) !== true)
      say(`If-Range ${condition} is no strong validator of it`);
  }
  if (evidence.skipsTime) problems.push(...judgeWaits(evidence, asked, LONGEST_WAIT, `file ${index}`));
  return problems;
}

/** A usable `Retry-After` is waited for, unless an operator says otherwise. */
function judgeWaits({ poked }: Evidence, asked: readonly Asked[], longest: number, what: string): string[] {
  return asked.flatMap(({ at, retryAfter, status = 0 }, position) => {
    const next = asked[position + 1];
    if (next === undefined || retryAfter === undefined || !(status === 202 || PASSING.has(status))) return [];
    const waited = next.at - at;
    const isPoked = poked.some((time) => time >= at && time <= next.at);
    return isPoked || waited >= Math.min(retryAfter, longest) - 1.5 * SECOND
      ? []
      : [`${what}: asked again after ${waited} ms, Retry-After was ${retryAfter} ms`];
  });
}

/** `pollNow` ends every wait. */
function judgePokes({ poked, journal, endedAt }: Evidence): string[] {
  return poked
    .filter((time) => endedAt > time + 20 * SECOND)
    .filter((time) => !journal.asked.some(({ at }) => at >= time && at <= time + 20 * SECOND))
    .map(() => 'pollNow woke nothing');
}

/** A file that is put off for long holds up others for minutes only. */
function judgeHolds(evidence: Evidence): string[] {
  const { files } = evidence.case;
  const all = evidence.journal.of('file');
  const start = all[0]?.at;
  if (start === undefined || evidence.ending.kind !== 'complete') return [];
  // What others may cost: a hold for each answer that asked for one, and their transfers.
  const holds = all.filter(({ retryAfter }) => retryAfter !== undefined).length;
  const transfers = all.reduce((sum, { file }) => sum + (files[file ?? -1]?.takes ?? 0), 0);
  const most = holds * (LONGEST_HOLD + MINUTE) + transfers + HOUR;
  return files.flatMap((file, index) => {
    const first = evidence.journal.ofFile(index)[0]?.at;
    return file.troubles.length > 0 || first === undefined || first - start <= most
      ? []
      : [`file ${index} was held up for ${Math.round((first - start) / MINUTE)} min by others`];
  });
}
