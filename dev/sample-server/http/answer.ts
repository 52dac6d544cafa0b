import type { Manifest } from '../export/manifest.ts';

/** Names in lower case. */
export type Headers = Record<string, string | string[]>;

/** A stretch of a file on disk. */
export type FileBody = { path: string; start: number; length: number };

/** What a handler decides to answer. Only `send.ts` writes, so that faults can change the answer before. */
export type Answer = {
  status: number;
  headers: Headers;
  body?: string | Buffer | FileBody | undefined;
  /** The body as an object, as long as faults may still change it. */
  manifest?: Manifest | undefined;
  /** Compress while sending; default false. */
  gzip?: boolean;
  /** Subject to `throttleBytesPerSecond`; default false. */
  throttled?: boolean;
};

/** The outcome of a check: the value that a handler goes on with, or the answer that ends the request. */
export type Checked<T> = { kind: 'granted'; value: T } | { kind: 'refused'; answer: Answer };

export function granted<T>(value: T): Checked<T> {
  return { kind: 'granted', value };
}

export function refused(answer: Answer): Checked<never> {
  return { kind: 'refused', answer };
}

/** One issue of an OperationOutcome; `code` from the FHIR issue-type code system. */
export type Message = {
  severity: 'fatal' | 'error' | 'warning' | 'information' | 'success';
  code: string;
  text: string;
};

/** An OperationOutcome resource as JSON text. */
export function operationOutcome(...messages: Message[]): string {
  return JSON.stringify({
    resourceType: 'OperationOutcome',
    issue: messages.map(({ severity, code, text }) => ({ severity, code, details: { text }, diagnostics: text })),
  });
}

/** Answers with an OperationOutcome. */
export function outcomeAnswer(status: number, messages: Message | Message[], headers: Headers = {}): Answer {
  return {
    status,
    headers: { 'content-type': 'application/fhir+json', ...headers },
    body: operationOutcome(...[messages].flat()),
  };
}

/** Answers with an OperationOutcome of one error. */
export function errorAnswer(status: number, code: string, text: string, headers: Headers = {}): Answer {
  return outcomeAnswer(status, { severity: 'error', code, text }, headers);
}

export function jsonAnswer(status: number, json: unknown, headers: Headers = {}): Answer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(json) };
}
