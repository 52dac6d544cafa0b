import { busyBy } from './busy.ts';
import { isTransient, readOutcome, saysOfError } from './operation-outcome.ts';
import { quoteAnswer, tidy } from './quote.ts';
import type { Manifest } from './manifest.ts';
import { readManifest } from './manifest.ts';
import { parseRetryAfter } from './retry-after.ts';

/** An answer to a status or manifest page request; header names in lower case. */
export interface StatusResponse {
  status: number;
  headers: Readonly<Record<string, string | undefined>>;
  body: string;
}

/** What was agreed at the kick-off. */
export interface PollTerms {
  /** `Preference-Applied` named `separate-export-status` (Bulk Data IG 3.0). */
  separateStatus: boolean;
  /** `allowPartialManifests` was asked for. */
  partial: boolean;
}

/** What an answer means. */
export type PollAnswer =
  | ({ kind: 'inProgress'; progress?: string | undefined } & Timing)
  | ({ kind: 'manifest'; manifest: Manifest; complete: boolean; progress?: string | undefined } & Timing)
  | { kind: 'failed'; detail: string }
  | { kind: 'gone'; detail: string }
  /** `byGateway`: maybe not by the server, but by a firewall before it that has seen too many requests. */
  | { kind: 'refused'; status: 401 | 403; detail: string; byGateway?: true }
  /** `busy`: the server wants fewer requests. `refused`: an error that is not FHIR, and would be the end if it stayed. */
  | ({ kind: 'trouble'; cause: PollTrouble; detail: string; busy?: true; refused?: true } & Timing);

/**
 * Why an answer says nothing of the job yet.
 * - `outage`: the request failed, and the job did not
 * - `gone`: 404, which may be a replica that does not know the job yet
 * - `unusable`: no manifest
 */
export type PollTrouble = 'outage' | 'gone' | 'unusable';

interface Timing {
  /** Milliseconds; undefined unless the server named a usable time. */
  retryAfter?: number | undefined;
}

/**
 * Reads the answer to a status request. Source: Bulk Data IG 1.0 to 4.0-ballot, status request; the table of outcomes
 * differs when the server applies `separate-export-status` (3.0).
 *
 * @param now our clock, milliseconds since the epoch
 */
export function readStatus(response: StatusResponse, terms: PollTerms, now: number): PollAnswer {
  const { status, headers, body } = response;
  const retryAfter = parseRetryAfter(headers['retry-after'], headers['date'], now);
  const timing = { retryAfter };

  if (status === 202) return inProgress(response, terms, timing);
  // A proxy that changes something of an answer says 203 (RFC 9110, 15.3.4).
  if (status === 200 || status === 203) return readSuccess(response, terms, timing);
  // Of no use, and what it is may hold links.
  const detail = status < 400 ? `HTTP ${status}` : quoted(`HTTP ${status}`, body);
  const trouble = (cause: PollTrouble): PollAnswer => ({
    kind: 'trouble',
    cause,
    detail,
    ...busyBy({ status }),
    ...timing,
  });
  if (status === 401 || status === 403) return { kind: 'refused', status, detail, ...gatewayOf(response) };
  if (status === 404) return trouble('gone');
  if (status === 410) return { kind: 'gone', detail };
  if (status < 400) return trouble('unusable');
  if (status === 408 || status === 425 || status === 429) return trouble('outage');
  // IG 3.0: with X-Export-Status in use, an HTTP error says nothing about the job.
  if (terms.separateStatus) return trouble('outage');
  const issues = readOutcome(body);
  if (issues !== undefined) return isTransient(issues) ? trouble('outage') : { kind: 'failed', detail };
  // IG 2.0: errors need not be FHIR, gateways answer too. A 5xx of that kind may pass. A 4xx is said again by a server
  // that means it; for a moment, it may be a firewall's, or that of a proxy that is being set up.
  if (status >= 500 && status !== 501 && status !== 505) return trouble('outage');
  return { kind: 'trouble', cause: 'unusable', detail, refused: true, ...timing };
}

/**
 * A page with 403 that says nothing of authorization: AWS WAF answers so, by default, whoever sends too many requests. API
 * gateways say in JSON that they do not know a token.
 */
function gatewayOf({ status, headers, body }: StatusResponse): { byGateway?: true } {
  const isPage = /^\s*[^\s{[]/.test(body);
  return status === 403 && isPage && headers['www-authenticate'] === undefined ? { byGateway: true } : {};
}

function quoted(status: string, body: string): string {
  return body.trim() === '' ? status : `${status}: ${quoteAnswer(body)}`;
}

function readSuccess(response: StatusResponse, terms: PollTerms, timing: Timing): PollAnswer {
  const { status, headers, body } = response;
  const exportStatus = Number(/^\s*(\d{3})/.exec(headers['x-export-status'] ?? '')?.[1] ?? 200);
  if (exportStatus === 202) return inProgress(response, terms, timing);
  if (exportStatus >= 400) {
    return { kind: 'failed', detail: quoted(`X-Export-Status ${exportStatus}`, body) };
  }
  const read = readManifest(body);
  if (read.kind === 'manifest') return { kind: 'manifest', manifest: read.manifest, complete: true, ...timing };
  const issues = readOutcome(body);
  if (issues === undefined)
    return { kind: 'trouble', cause: 'unusable', detail: `HTTP ${status} with ${read.detail}`, ...timing };
  const detail = quoted(`HTTP ${status}`, body);
  // What is only informative does not end a job.
  return saysOfError(issues) ? { kind: 'failed', detail } : { kind: 'trouble', cause: 'unusable', detail, ...timing };
}

function inProgress(response: StatusResponse, terms: PollTerms, timing: Timing): PollAnswer {
  const text = response.headers['x-progress'];
  const progress = text === undefined ? undefined : tidy(text, 100);
  // A body of a 202 is nothing unless partial manifests were asked for (IG 3.0).
  if (terms.partial && response.body.trim() !== '') {
    const read = readManifest(response.body);
    if (read.kind === 'manifest') {
      return { kind: 'manifest', manifest: read.manifest, complete: false, progress, ...timing };
    }
  }
  return { kind: 'inProgress', progress, ...timing };
}
