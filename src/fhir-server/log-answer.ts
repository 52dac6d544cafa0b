import { log } from '@temporalio/activity';
import type { HttpResponse, RequestKind } from '../http/messages.ts';

/** What an id looks like. Longer texts are none, and could be anything: they get into no log and no failure. */
const ID = /^[\w.:;=,/+@{}-]{1,80}$/;

/** The server that was asked, as configured, what for, and the name of the file if it was one. */
interface Asked {
  server: string;
  what: RequestKind;
  file?: string;
}

/**
 * Logs what a server answered, with the ids that its support asks for; of the address the host only. A warning for a
 * refusal; that a job is still in progress, which a server may say a thousand times, is for debugging only.
 *
 * @param idHeaders names of the headers that hold such ids, in lower case
 */
export function logAnswer(
  { what, server, file }: Asked,
  { status, headers, url }: Pick<HttpResponse, 'status' | 'headers' | 'url'>,
  idHeaders: readonly string[],
): void {
  const ids = Object.fromEntries(idsOf(headers, idHeaders));
  const fields = { server, ...(file === undefined ? {} : { file }), host: new URL(url).host, status, ...ids };
  const isInProgress = what === 'status' && status === 202;
  log[status >= 400 ? 'warn' : isInProgress ? 'debug' : 'info'](`${what} answered`, fields);
}

/** The same ids for a failure's message; empty when there are none. */
export function quoteIds({ headers }: Pick<HttpResponse, 'headers'>, idHeaders: readonly string[]): string {
  const ids = idsOf(headers, idHeaders);
  return ids.length === 0 ? '' : ` (${ids.map(([name, id]) => `${name}: ${id}`).join(', ')})`;
}

function idsOf(headers: HttpResponse['headers'], names: readonly string[]): [string, string][] {
  return names.flatMap((name): [string, string][] => {
    const id = headers[name];
    return id === undefined || !ID.test(id) ? [] : [[name, id]];
  });
}
