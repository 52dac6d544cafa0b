import type { Manifest } from '../endpoints/manifest.ts';
import { operationOutcome, type Message } from './operation-outcome.ts';

export type Headers = Record<string, string | string[]>;

/** A stretch of a file on disk. */
export type FileBody = { path: string; start: number; length: number };

/** What a handler wants to say. Handlers only decide; `send.ts` writes, so that faults can come between the two. */
export type Answer = {
  status: number;
  /** Names in lower case. */
  headers: Headers;
  body?: string | Buffer | FileBody;
  /** The body as an object, while faults may still change it. */
  manifest?: Manifest;
  /** Compress while sending. */
  gzip?: boolean;
  /** Subject to `throttleBytesPerSecond`. */
  throttled?: boolean;
};

/** An answer that is an OperationOutcome. */
export function outcomeAnswer(status: number, messages: Message | Message[], headers: Headers = {}): Answer {
  return {
    status,
    headers: { 'content-type': 'application/fhir+json', ...headers },
    body: operationOutcome(...[messages].flat()),
  };
}

/** An OperationOutcome with a single error. */
export function errorAnswer(status: number, code: string, text: string, headers: Headers = {}): Answer {
  return outcomeAnswer(status, { severity: 'error', code, text }, headers);
}

export function jsonAnswer(status: number, json: unknown, headers: Headers = {}): Answer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(json) };
}
