import type { IncomingMessage } from 'node:http';
import type { Answer, Checked } from './http/answer.ts';
import type { Route } from './journal.ts';

/** The interface to an authorization server. Without one, the server accepts every request. */
export type Authorization = {
  /** Undefined accepts the request; otherwise this is the answer (401 or 403 with `WWW-Authenticate`). */
  authorize(request: IncomingMessage, route: Route): Answer | undefined | Promise<Answer | undefined>;
  /** Which of these types the request may read, or the refusal; default all. */
  permit?(request: IncomingMessage, types: readonly string[], purpose: Purpose): Checked<readonly string[]>;
  /** Answers the routes `token` and `smartConfiguration`. */
  serve(request: IncomingMessage, route: Route, body: string, baseUrl: string): Answer | Promise<Answer>;
  /** Called for every request, before faults apply; `redirected`: it follows a redirect of this server. */
  received?(route: Route, body: string, redirected: boolean): void;
  /** `CapabilityStatement.rest.security`; default none. */
  security?(baseUrl: string): Record<string, unknown> | undefined;
  /** Milliseconds by which the server's clock is ahead, as its `Date` and `Expires` headers show; default 0. */
  clockOffset?: number;
};

/** Why types are requested: by a kick-off with `_type` (`named`) or without (`all`), or to `read` every one of them. */
export type Purpose = 'named' | 'all' | 'read';

const open: readonly Route[] = ['metadata', 'token', 'smartConfiguration'];

/** Whether a request needs authorization: one for a file or attachment only when the manifest says so. */
export function needsAuthorization(route: Route, requiresAccessToken: boolean): boolean {
  if (route === 'file' || route === 'binary') return requiresAccessToken;
  return !open.includes(route);
}
