import type { Injected } from '../export-run.ts';
import type { Request } from '../hospital.ts';
import type { Shape } from '../shape.ts';
import { rateOf } from '../shape.ts';
import type { Evidence, PairedFile } from './evidence.ts';

/** Seconds of transfer that a break of any kind may cost, and what the server sends ahead. */
const LOSS = 2;
const AHEAD = 0.3;
/** Milliseconds between a look for the finished file and the request, on a machine that is busy. */
const LOOK = 1000;

/** What was fetched again. */
export interface Fetches {
  problems: string[];
  /** Bytes on the wire in all. */
  sent: number;
  /** Of them beyond one of each file: of transfers that can be gone on with, and of others. */
  again: { resumable: number; others: number };
  /** Transfers that broke and could be gone on with. */
  breaks: number;
  /** Requests that went on where another had ended. */
  resumed: number;
}

/** No finished file is fetched again, and what is fetched again is within the bounds. */
export function checkFetches({ run, files, injected }: Evidence): Fetches {
  const { shape } = run.hospital;
  const result: Fetches = { problems: [], sent: 0, again: { resumable: 0, others: 0 }, breaks: 0, resumed: 0 };
  for (const file of files) checkFile(file, shape, injected, result);
  return result;
}

function checkFile(file: PairedFile, shape: Shape, injected: readonly Injected[], result: Fetches): void {
  const late = file.requests.filter(({ at }) => at > file.publishedAt + LOOK).length;
  if (late > 0) result.problems.push(`${file.name} was asked for ${late} times after it was finished`);
  const transfers = file.requests.filter(
    ({ status, bytesSent }) => (status === 200 || status === 206) && bytesSent > 0,
  );
  const sent = transfers.reduce((sum, { bytesSent }) => sum + bytesSent, 0);
  const last = transfers.findLast(({ finished }) => finished);
  const needed = last !== undefined && isCompressed(last, shape) ? last.bytesSent : file.made.bytes;
  const again = Math.max(0, sent - needed);
  const rate = rateOf(shape);
  let allowed = 0;
  for (const transfer of transfers) {
    if (transfer === last) continue;
    const whole =
      isCompressed(transfer, shape) || isLostInFreeze(transfer, injected) || isDoubled(transfer, transfers, injected);
    allowed += whole ? transfer.bytesSent : Math.min(transfer.bytesSent, (LOSS + AHEAD) * rate);
    if (!whole) result.breaks++;
  }
  if (again > allowed) {
    const list = transfers.map(({ at, rangeStart = 0, bytesSent, finished }) => [
      at % 1e6,
      rangeStart,
      bytesSent,
      finished,
    ]);
    result.problems.push(
      `${file.name}: ${again} bytes were fetched again, ${Math.round(allowed)} are allowed at ${rate} B/s: ${JSON.stringify(list)}`,
    );
  }
  result.sent += sent;
  result.resumed += transfers.filter(({ rangeStart }) => rangeStart !== undefined).length;
  result.again[transfers.some((one) => isCompressed(one, shape)) ? 'others' : 'resumable'] += again;
}

/** Compressed while it is sent: there are no positions in it from which to go on. */
function isCompressed({ headers }: Request, { gzip }: Shape): boolean {
  return gzip && /\bgzip\b/.test([headers['accept-encoding'] ?? ''].flat().join());
}

/** What the server sends to a worker that is frozen goes into buffers that nobody may read. */
function isLostInFreeze({ at, closedAt = Infinity }: Request, injected: readonly Injected[]): boolean {
  return injected.some(({ kind, from, until }) => kind === 'workerFrozen' && from <= closedAt && until >= at);
}

/**
 * Whether two attempts fetched the file at the same time: one on a worker that was frozen, or whose heartbeats did not
 * arrive because the Temporal server was away. Nobody can tell it to stop.
 */
function isDoubled(transfer: Request, all: readonly Request[], injected: readonly Injected[]): boolean {
  const end = transfer.closedAt ?? Infinity;
  const overlaps = all.some(
    (other) => other !== transfer && other.at < end && (other.closedAt ?? Infinity) > transfer.at,
  );
  const causes = injected.some(({ kind }) => kind === 'workerFrozen' || kind === 'temporalKilled');
  return overlaps && causes;
}
