import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorAnswer, type Answer } from './answer.ts';
import { changed } from './apply-faults.ts';
import type { Context } from '../context.ts';
import { hashOf } from '../endpoints/files.ts';
import { faultOf, type Fault, type FaultList } from '../faults.ts';
import type { JournalEntry } from '../journal.ts';
import { respond } from './respond.ts';
import { match, redirectedPrefix } from './router.ts';
import { send } from './send.ts';

/** Takes a request from its arrival to its entry in the journal. */
export async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  origin: 'same' | 'other',
  server: { context: Context; journal: JournalEntry[]; faults: FaultList; closing: AbortSignal },
): Promise<void> {
  const { context } = server;
  const url = request.url ?? '/';
  const redirected = url.startsWith(`${redirectedPrefix}/`);
  const raw = redirected ? url.slice(redirectedPrefix.length) : url;
  const method = request.method ?? 'GET';
  const [path = '', query] = raw.split('?');
  const found = match(method, path, context.settings.basePath);
  const entry: JournalEntry = {
    at: Date.now(),
    method,
    url,
    route: found.route,
    origin,
    redirected,
    headers: request.headers,
    status: 0,
    bytesSent: 0,
    finished: false,
  };
  const jobId = found.route === 'file' ? path.split('/')[2] : (new URLSearchParams(query).get('job') ?? undefined);
  if (jobId !== undefined) entry.jobId = jobId;
  const rangeStart = /^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1];
  if (rangeStart !== undefined) entry.rangeStart = Number(rangeStart);
  server.journal.push(entry);
  response.on('close', () => context.settings.onRequest?.(entry));

  const body = await readBody(request);
  if (body !== '') entry.body = body;
  const { authorization } = context.settings;
  authorization?.received?.(entry.route, body, redirected);
  const faults = server.faults.take(entry);
  for (const fault of faults) {
    if (fault.kind === 'delay') await sleep(fault.ms, undefined, { signal: server.closing }).catch(() => undefined);
  }
  if (authorization?.clockOffset !== undefined) {
    response.setHeader('date', new Date(Date.now() + authorization.clockOffset).toUTCString());
  }
  if (faultOf(faults, 'hang') !== undefined) return;
  if (faultOf(faults, 'drop') !== undefined) return void request.socket.destroy();

  const answer =
    substitute(url, faults, context) ?? (await respond({ request, raw, match: found, entry, faults }, context));
  if (faultOf(faults, 'dropAfterEffect') !== undefined) return void request.socket.destroy();
  const { throttleBytesPerSecond } = context.settings;
  await send(request, response, changed(answer, faults), faults, entry, throttleBytesPerSecond);
}

/** Faults that take the place of the real answer. */
function substitute(url: string, faults: Fault[], context: Context): Answer | undefined {
  const redirect = faultOf(faults, 'redirect');
  if (redirect !== undefined) {
    const location = `${context.origins[redirect.to]}${redirectedPrefix}${url}`;
    return { status: redirect.status ?? 307, headers: { location } };
  }
  const answer = faultOf(faults, 'answer');
  if (answer === undefined) return undefined;
  const { status, headers = {}, body } = answer;
  const lowerCase = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  // Most servers send a strong ETag along with whatever they serve, so wrong answers have one, too.
  const etag = status === 200 ? { etag: hashOf(Buffer.from(body ?? '')) } : {};
  return { status, headers: { ...etag, ...lowerCase }, ...(body !== undefined && { body }) };
}

/** An answer for faults of the server itself, as opposed to those it was asked for. */
export function failure(error: unknown): Answer {
  return errorAnswer(500, 'exception', `Sample server: ${error instanceof Error ? error.stack : String(error)}`);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
