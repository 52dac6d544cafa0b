import type { HttpBody } from './http-body.ts';

/** What a request is for. */
export type RequestKind =
  'kick-off' | 'status' | 'delete' | 'file' | 'attachment' | 'token' | 'metadata' | 'smart-configuration' | 'group';

/** A request as callers describe it. */
export interface HttpRequest {
  /** By which its answers are counted. Default: they are not. */
  what?: RequestKind | undefined;
  method: 'GET' | 'POST' | 'DELETE';
  /** Path and query are sent exactly as they stand here. */
  url: string;
  headers: Record<string, string>;
  body?: string | undefined;
  signal?: AbortSignal | undefined;
  /**
   * Sent over a connection of its own. For a request that must not be sent twice: the server may just have closed a kept
   * connection, and then nobody knows whether the request arrived. Default: false.
   */
  freshConnection?: boolean | undefined;
  /**
   * Value of the header `Authorization`; `trust.ts` says which origins receive it. It is removed from everything that is
   * read of the answer.
   */
  authorization?: string | undefined;
  /** False: a redirect is an answer. Default: true. */
  followRedirects?: boolean | undefined;
}

/** How one request was answered; each redirect is an answer, too. */
export interface AnswerOf {
  /** A configured name. */
  server: string;
  what: RequestKind;
  /** Undefined: no answer came. */
  status: number | undefined;
}

/** A request that is over, its answer's body included; each redirect is one of its own. */
export interface Exchanged extends AnswerOf {
  method: HttpRequest['method'];
  /** Of the address, without brackets; nothing else of it. */
  host: string;
  port: number;
  /** Milliseconds since the epoch. */
  startedAt: number;
  endedAt: number;
  /** Of the body, as they came. */
  bytes: number;
  /** Why it has no end: code of the system or of undici, or the kind of error. */
  error?: string;
}

/** Hears of a request that is over. */
export type OnExchanged = (exchanged: Exchanged) => void;

/** An answer whose body has not been read; receive, dump or destroy the body, or its connection is lost. */
export interface HttpResponse {
  status: number;
  /** Names in lower case; several values of one name joined by `, `. */
  headers: Record<string, string | undefined>;
  body: HttpBody;
  /** Address that answered, after redirects. */
  url: string;
  /** Origin that was asked, where a redirect has led to another one: the token has not gone along. */
  redirectedFrom?: string | undefined;
  /** Text that must not be kept of the answer: servers quote the token that they refuse. */
  secret?: string | undefined;
}
