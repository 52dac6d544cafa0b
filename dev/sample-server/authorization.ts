import type { IncomingMessage } from 'node:http';
import type { Answer } from './http/answer.ts';
import type { Route } from './journal.ts';

/** The place where an authorization server is put in. Without one, every request is welcome. */
export type Authorization = {
  /** Undefined lets the request through; otherwise this is the answer (401 or 403 with `WWW-Authenticate`). */
  authorize(request: IncomingMessage, route: Route): Answer | undefined | Promise<Answer | undefined>;
  /**
   * Which of these types the request may read, or the refusal; default all. `named` and `all` are kick-offs, with
   * and without `_type`; `read` needs every one of the types.
   */
  permit?(request: IncomingMessage, types: readonly string[], purpose: Purpose): readonly string[] | Answer;
  /** Answers the routes `token` and `smartConfiguration`. */
  serve(request: IncomingMessage, route: Route, body: string, baseUrl: string): Answer | Promise<Answer>;
  /** Told of every request, before faults have their way; `redirected` follows a redirect of this server. */
  received?(route: Route, body: string, redirected: boolean): void;
  /** `CapabilityStatement.rest.security`; default none. */
  security?(baseUrl: string): Record<string, unknown> | undefined;
  /** Milliseconds by which the server's clock is ahead, as its `Date` and `Expires` tell; default 0. */
  clockOffset?: number;
};

/** What types are wanted for. */
export type Purpose = 'named' | 'all' | 'read';

const open: readonly Route[] = ['metadata', 'token', 'smartConfiguration'];

/** Whether a request has to be authorized: files and attachments only when the manifest says so. */
export function needsAuthorization(route: Route, requiresAccessToken: boolean): boolean {
  if (route === 'file' || route === 'binary') return requiresAccessToken;
  return !open.includes(route);
}
