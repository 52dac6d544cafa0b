import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import type { Refusal, RetryAfter } from '../case.ts';
import type { Asked } from '../journal.ts';

/** How a body is sent. */
export interface Sending {
  length: 'right' | 'chunked' | 'until the end' | 'too small' | 'too large';
  /** Bytes after which nothing more comes, or the connection is closed. */
  end?: { kind: 'break' | 'stall'; after: number };
}

/** Sends a body with all that can go wrong on its way; the head must have been set. */
export function sendBody(response: ServerResponse, status: number, body: Buffer, { length, end }: Sending): void {
  response.statusCode = status;
  if (length === 'chunked') response.setHeader('transfer-encoding', 'chunked');
  else if (length === 'until the end') {
    response.useChunkedEncodingByDefault = false;
    response.setHeader('connection', 'close');
  } else {
    const wrong = { right: 0, 'too small': -Math.min(5, body.length), 'too large': 7 }[length];
    response.setHeader('content-length', body.length + wrong);
  }
  const hangUp = (): void => {
    // What has been written shall arrive.
    setImmediate(() => response.socket?.destroy());
  };
  if (end !== undefined) {
    response.flushHeaders();
    const sent = body.subarray(0, end.after);
    if (sent.length > 0) response.write(sent, end.kind === 'break' ? hangUp : undefined);
    else if (end.kind === 'break') hangUp();
    return;
  }
  if (length === 'too large') {
    response.flushHeaders();
    response.write(body, hangUp);
    return;
  }
  response.end(body);
}

/** Sends JSON, compressed where the request does not forbid it and the server likes to (RFC 9110, 12.5.3). */
export function sendJson(
  response: ServerResponse,
  asked: Asked,
  status: number,
  value: unknown,
  { compresses, type = 'application/fhir+json' }: { compresses: boolean; type?: string },
): void {
  asked.status = status;
  const accepted = asked.headers['accept-encoding'];
  const text = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
  const gzip = compresses && text.length > 0 && (accepted === undefined || /gzip|\*/.test(accepted));
  response.statusCode = status;
  response.setHeader('content-type', type);
  if (gzip) response.setHeader('content-encoding', 'gzip');
  response.end(gzip ? gzipSync(text) : text);
}

/** What a refusal says, and its header. */
export function sendRefusal(
  response: ServerResponse,
  asked: Asked,
  { status, retryAfter, body }: Refusal,
  detail: string,
  compresses: boolean,
): void {
  if (retryAfter !== undefined) {
    response.setHeader('retry-after', textOf(retryAfter));
    const wait = waitOf(retryAfter);
    if (wait !== undefined) asked.retryAfter = wait;
  }
  if (body === 'html')
    sendJson(response, asked, status, `<html><body>${detail}</body></html>`, { compresses, type: 'text/html' });
  else if (body === 'none') sendJson(response, asked, status, '', { compresses });
  else if (body === 'empty object') sendJson(response, asked, status, {}, { compresses });
  else {
    const issue = [{ severity: 'error', code: body === 'final' ? 'processing' : 'transient', diagnostics: detail }];
    sendJson(response, asked, status, { resourceType: 'OperationOutcome', issue }, { compresses });
  }
}

function textOf(retryAfter: RetryAfter): string {
  if (retryAfter.form === 'seconds') return String(retryAfter.value);
  if (retryAfter.form === 'text') return retryAfter.text;
  return new Date(Date.now() + retryAfter.in * 1000).toUTCString();
}

/** Milliseconds that are asked for; undefined when nothing usable is. */
export function waitOf(retryAfter: RetryAfter): number | undefined {
  const seconds = retryAfter.form === 'seconds' ? retryAfter.value : retryAfter.form === 'date' ? retryAfter.in : 0;
  return seconds > 0 ? seconds * 1000 : undefined;
}
