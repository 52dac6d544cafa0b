import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from './context.ts';
import { hashOf } from './endpoints/files.ts';
import type { Manifest } from './export/manifest.ts';
import { faultOf, type Fault, type FaultList } from './faults.ts';
import type { Answer } from './http/answer.ts';
import { send } from './http/send.ts';
import type { JournalEntry } from './journal.ts';
import { respond } from './respond.ts';
import { matchRoute, redirectedPrefix, type Match } from './router.ts';

/** Handles a request from its arrival to the end of its answer, and keeps its journal entry up to date. */
export async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  origin: 'same' | 'other',
  server: { context: Context; journal: JournalEntry[]; faults: FaultList; closing: AbortSignal },
): Promise<void> {
  const { context } = server;
  const { authorization, onRequest, throttleBytesPerSecond } = context.settings;
  const url = request.url ?? '/';
  const redirected = url.startsWith(`${redirectedPrefix}/`);
  const raw = redirected ? url.slice(redirectedPrefix.length) : url;
  const match = matchRoute(request.method ?? 'GET', raw.split('?')[0] ?? '', context.settings.basePath);
  const entry = newEntry(request, raw, match, { origin, redirected });
  server.journal.push(entry);
  response.on('close', () => onRequest?.(entry));

  const body = await readBody(request);
  if (body !== '') entry.body = body;
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

  const answer = faultyAnswer(url, faults, context) ?? (await respond({ request, raw, match, entry, faults }, context));
  if (faultOf(faults, 'dropAfterEffect') !== undefined) return void request.socket.destroy();
  await send(request, response, withFaults(answer, faults), faults, entry, throttleBytesPerSecond);
}

function newEntry(
  request: IncomingMessage,
  raw: string,
  { route }: Match,
  arrival: Pick<JournalEntry, 'origin' | 'redirected'>,
): JournalEntry {
  const { method = 'GET', url = '/', headers } = request;
  const [path = '', query] = raw.split('?');
  const entry: JournalEntry = {
    at: Date.now(),
    method,
    url,
    route,
    ...arrival,
    headers,
    status: 0,
    bytesSent: 0,
    finished: false,
  };
  const jobId = route === 'file' ? path.split('/')[2] : (new URLSearchParams(query).get('job') ?? undefined);
  if (jobId !== undefined) entry.jobId = jobId;
  const rangeStart = /^bytes=(\d+)-/.exec(headers.range ?? '')?.[1];
  if (rangeStart !== undefined) entry.rangeStart = Number(rangeStart);
  return entry;
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** The answer of a fault that replaces the real one. */
function faultyAnswer(url: string, faults: Fault[], context: Context): Answer | undefined {
  const redirect = faultOf(faults, 'redirect');
  if (redirect !== undefined) {
    const location = `${context.origins[redirect.to]}${redirectedPrefix}${url}`;
    return { status: redirect.status ?? 307, headers: { location } };
  }
  const answer = faultOf(faults, 'answer');
  if (answer === undefined) return undefined;
  const { status, headers = {}, body } = answer;
  const lowerCase = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  // Most servers send a strong ETag with everything they serve, so wrong answers have one, too.
  const etag = status === 200 ? { etag: hashOf(Buffer.from(body ?? '')) } : {};
  return { status, headers: { ...etag, ...lowerCase }, body };
}

/** Applies the faults that change an answer before it is written. */
function withFaults(answer: Answer, faults: Fault[]): Answer {
  const result: Answer = { ...answer, headers: { ...answer.headers } };
  for (const fault of faults) {
    if (fault.kind === 'wrongCount' && result.manifest !== undefined) addToCounts(result.manifest, fault.by);
    if (fault.kind === 'transformManifest' && result.manifest !== undefined) {
      const transformed = fault.transform(result.manifest);
      if (typeof transformed === 'string') {
        result.body = transformed;
        result.manifest = undefined;
      } else {
        result.manifest = transformed as Manifest;
      }
    }
    if (fault.kind === 'headers') setHeaders(result, fault.set);
  }
  if (result.manifest !== undefined) result.body = JSON.stringify(result.manifest);
  return result;
}

function addToCounts({ output = [], deleted = [], error = [], outcome = [] }: Manifest, by: number): void {
  for (const item of [...output, ...deleted, ...error, ...outcome]) item.count = (item.count ?? 0) + by;
}

function setHeaders(answer: Answer, set: Extract<Fault, { kind: 'headers' }>['set']): void {
  for (const [anyCase, value] of Object.entries(set)) {
    const name = anyCase.toLowerCase();
    if (value === null) delete answer.headers[name];
    else answer.headers[name] = typeof value === 'function' ? value(String(answer.headers[name] ?? '')) : value;
  }
}
