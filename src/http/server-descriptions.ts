import type { HttpClient } from './http-client.ts';
import type { HttpResponse, RequestKind } from './messages.ts';
import { readText } from './read-text.ts';
import type { RequestRules } from './rules.ts';

/** What came of reading a document in which a server describes itself. */
export type DocumentAnswer = (
  | { kind: 'document'; document: Record<string, unknown> }
  /** The server has no such document, or a broken one. */
  | { kind: 'missing'; detail: string }
  /** The server may have it, but cannot say so now. */
  | { kind: 'unavailable'; detail: string }
) & { clock: ClockReading | undefined };

/** What a server's clock said. */
export interface ClockReading {
  /** Header `Date`. */
  date: string;
  /** When it arrived, by our clock: milliseconds since the epoch. */
  at: number;
}

/** Bytes. */
const LARGEST = 20 * 1024 * 1024;
/** Milliseconds that a server may take to describe itself. */
const TIME = 20_000;
/** Statuses of a server that cannot answer now. Not 500: some servers answer so for what they do not have. */
const UNAVAILABLE = [408, 429, 502, 503, 504];

/**
 * Reads the server's CapabilityStatement.
 *
 * @param baseUrl without a slash at its end
 * @throws NetworkError, RefusedUrlError
 */
export function readMetadata(http: HttpClient, rules: RequestRules, baseUrl: string): Promise<DocumentAnswer> {
  return readDocument(http, rules, { what: 'metadata', url: `${baseUrl}/metadata`, accept: 'application/fhir+json' });
}

/**
 * Reads the server's SMART configuration, below the full base URL. Source: SMART App Launch 2.2, conformance.
 *
 * @param baseUrl without a slash at its end
 * @throws NetworkError, RefusedUrlError
 */
export function readSmartConfiguration(
  http: HttpClient,
  rules: RequestRules,
  baseUrl: string,
): Promise<DocumentAnswer> {
  const url = `${baseUrl}/.well-known/smart-configuration`;
  return readDocument(http, rules, { what: 'smart-configuration', url, accept: 'application/json' });
}

async function readDocument(
  http: HttpClient,
  rules: RequestRules,
  { what, url, accept }: { what: RequestKind; url: string; accept: string },
): Promise<DocumentAnswer> {
  const signal = AbortSignal.timeout(TIME);
  const response = await http.send({ what, method: 'GET', url, headers: { accept }, signal }, rules);
  const { status, headers } = response;
  const clock = readClock(headers);
  const text = await readText(response, LARGEST);
  if (status !== 200) {
    return { kind: UNAVAILABLE.includes(status) ? 'unavailable' : 'missing', detail: `HTTP ${status}`, clock };
  }
  const document = parse(text);
  return document === undefined
    ? { kind: 'missing', detail: 'it is not JSON', clock }
    : { kind: 'document', document, clock };
}

/** The Date of an answer from a cache is that of long ago. */
function readClock({ age, date }: HttpResponse['headers']): ClockReading | undefined {
  return age === undefined && date !== undefined ? { date, at: Date.now() } : undefined;
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    // The parser's message would quote the answer.
    return undefined;
  }
}
