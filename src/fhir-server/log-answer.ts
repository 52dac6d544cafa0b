import { log } from '@temporalio/activity';
import type { HttpResponse } from '../http/messages.ts';

/** Headers by which a vendor's support finds a request in its own logs. */
const SUPPORT_HEADERS = [
  'x-request-id',
  'x-correlation-id',
  'cerner-correlation-id',
  'x-amzn-requestid',
  'x-amzn-trace-id',
  'x-ms-request-id',
  'request-id',
];

/** Logs what a server answered, with the ids that its support asks for; of the address the host only. */
export function logAnswer(
  what: string,
  { status, headers, url }: Pick<HttpResponse, 'status' | 'headers' | 'url'>,
): void {
  const ids = Object.fromEntries(
    SUPPORT_HEADERS.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])),
  );
  const fields = { host: new URL(url).host, status, ...ids };
  if (status >= 400) log.warn(`${what} answered`, fields);
  else log.info(`${what} answered`, fields);
}
