import type { IncomingMessage } from 'node:http';
import type { Answer } from './http/answer.ts';
import type { Route } from './journal.ts';

/** The place where an authorization server is put in. Without one, every request is welcome. */
export type Authorization = {
  /** Undefined lets the request through; otherwise this is the answer (401 or 403 with `WWW-Authenticate`). */
  authorize(request: IncomingMessage, route: Route): Answer | undefined | Promise<Answer | undefined>;
  /** Answers the routes `token` and `smartConfiguration`. */
  serve(request: IncomingMessage, route: Route, body: string): Answer | Promise<Answer>;
};

const open: readonly Route[] = ['metadata', 'token', 'smartConfiguration'];

/** Whether a request has to be authorized: files and attachments only when the manifest says so. */
export function needsAuthorization(route: Route, requiresAccessToken: boolean): boolean {
  if (route === 'file' || route === 'binary') return requiresAccessToken;
  return !open.includes(route);
}
