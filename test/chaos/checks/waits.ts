import type { Injected } from '../export-run.ts';
import type { Request } from '../hospital.ts';
import { BUSY_SECONDS } from '../inject.ts';
import type { Evidence } from './evidence.ts';

/** Milliseconds around an answer in which a fault may have kept it from being recorded. */
const RECORDING = 2000;
/** After these an answer that was given may not be known. */
const FORGETFUL = new Set([
  'workerKilled',
  'workerFrozen',
  'workerTerminated',
  'workersUpgraded',
  'temporalKilled',
  'serverDown',
  'serverRestarted',
  'connectionsReset',
  'diskFull',
]);

/** No request comes earlier than a `Retry-After` that its sender can know. */
export function checkWaits({ run, requests, injected }: Evidence): string[] {
  const asked = requests.filter(({ route }) => route === 'status' || route === 'page' || route === 'file');
  return asked.flatMap((request, index) => {
    const wait = waitOf(request, run.hospital.shape.retryAfter);
    if (wait === undefined || isForgotten(request, injected)) return [];
    const next = asked.slice(index + 1).find((later) => keyOf(later) === keyOf(request));
    if (next === undefined || next.at - request.at >= wait) return [];
    // Links that were refused make the manifest be read again, which is no poll.
    const refused = asked.some(
      ({ route, status, at }) => route === 'file' && status >= 400 && status < 500 && at >= request.at && at <= next.at,
    );
    if (refused && request.route !== 'file') return [];
    return [`${request.route} was asked again after ${next.at - request.at} ms, Retry-After was ${wait} ms`];
  });
}

function waitOf({ route, status }: Request, retryAfter: number): number | undefined {
  if (status === 503) return BUSY_SECONDS * 1000;
  return status === 202 && route !== 'file' ? retryAfter * 1000 : undefined;
}

/** Signatures of a file's links change, its path does not. */
function keyOf({ route, url }: Request): string {
  return route === 'file' ? (url.split('?', 1)[0] as string) : url;
}

function isForgotten({ at, finished }: Request, injected: readonly Injected[]): boolean {
  if (!finished) return true;
  return injected.some(
    ({ kind, from, until }) => FORGETFUL.has(kind) && from <= at + RECORDING && until >= at - RECORDING,
  );
}
