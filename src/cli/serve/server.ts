import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isLoopback } from '../../http/check-url.ts';
import type { Exported } from './exported.ts';
import { answerFile } from './file-answer.ts';
import type { AskedExport } from './kick-off.ts';
import { capabilityStatement, decide, manifestOf } from './kick-off.ts';

/** Path of the base URL. */
export const BASE_PATH = '/fhir';
/** Jobs that are known at a time; the oldest are forgotten. */
const MOST_JOBS = 1000;
/** Bytes of a kick-off's body. */
const LONGEST_BODY = 1024 * 1024;

/** A kick-off that was accepted. */
interface Job {
  types: ReadonlySet<string> | undefined;
  /** URL of the kick-off. */
  request: string;
}

/** A request that makes no sense. */
class BadRequest extends Error {
  readonly status: 400 | 413;

  constructor(status: 400 | 413, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * A FHIR server that has a complete export, and exports it. While it listens on loopback, requests for other names are
 * refused: a page in a browser could have its own name lead here.
 */
export function exportServer(exported: Exported): Server {
  const jobs = new Map<string, Job>();
  const files = new Map(exported.files.map((file) => [`/files/${file.name}`, file]));

  const server = createServer((request, response) => {
    answer(request, response).catch((error: Error) => {
      if (response.headersSent) response.destroy(error);
      else if (error instanceof BadRequest) outcome(response, error.status, 'invalid', error.message);
      else outcome(response, 500, 'exception', error.message);
    });
  });
  return server;

  function listensOnLoopback(): boolean {
    const { address, family } = server.address() as AddressInfo;
    return isLoopback(new URL(`http://${family === 'IPv6' ? `[${address}]` : address}`));
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const origin = `http://${request.headers.host ?? ''}`;
    if (!URL.canParse(origin) || (listensOnLoopback() && !isLoopback(new URL(origin)))) {
      outcome(response, 421, 'security', 'This server answers on loopback only; start it with --host for others.');
      return;
    }
    const url = new URL(request.url ?? '', origin);
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    const file = files.get(decoded(url.pathname));
    if (file !== undefined && isRead) return answerFile(file, request, response);
    const path = url.pathname.startsWith(`${BASE_PATH}/`) ? url.pathname.slice(BASE_PATH.length) : '';
    if (path === '/metadata' && isRead) return json(response, 200, capabilityStatement(exported));
    const job = /^\/jobs\/([0-9a-f-]{36})$/.exec(path)?.[1];
    if (job !== undefined) return answerJob(job, request, response, origin);
    if (path.endsWith('/$export') && (isRead || request.method === 'POST'))
      return kickOff(path, url, request, response);
    outcome(response, 404, 'not-found', `Nothing is at ${url.pathname}.`);
  }

  async function kickOff(path: string, url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const prefer = String(request.headers['prefer'] ?? '');
    if (!/respond-async/.test(prefer)) {
      outcome(response, 400, 'required', 'A kick-off needs the header Prefer: respond-async.');
      return;
    }
    const body = request.method === 'POST' ? await parametersIn(request) : [];
    const asked: AskedExport = {
      path,
      parameters: [...url.searchParams, ...body],
      isLenient: /handling=lenient/.test(prefer),
    };
    const decision = decide(asked, exported);
    if (decision.kind === 'refused') {
      outcome(response, decision.status, decision.status === 404 ? 'not-found' : 'not-supported', decision.text);
      return;
    }
    const id = randomUUID();
    jobs.set(id, { types: decision.types, request: url.href });
    if (jobs.size > MOST_JOBS) jobs.delete([...jobs.keys()][0] as string);
    response.setHeader('Content-Location', `${url.origin}${BASE_PATH}/jobs/${id}`);
    outcome(response, 202, 'informational', 'The export is ready.', 'information');
  }

  function answerJob(id: string, request: IncomingMessage, response: ServerResponse, origin: string): void {
    const job = jobs.get(id);
    if (job === undefined) outcome(response, 404, 'not-found', 'There is no such job, or no longer.');
    else if (request.method === 'DELETE') {
      jobs.delete(id);
      response.writeHead(202).end();
    } else json(response, 200, manifestOf(exported, job.types, job.request, `${origin}/files`), 'application/json');
  }
}

function decoded(path: string): string {
  try {
    return decodeURI(path);
  } catch {
    throw new BadRequest(400, 'The path is not properly encoded.');
  }
}

/** A `Parameters` resource. @throws BadRequest when it is none */
async function parametersIn(request: IncomingMessage): Promise<[string, string][]> {
  let text = '';
  // The rest of one that is too long is read as well, because a client hears no answer before it has sent all.
  for await (const chunk of request.setEncoding('utf8') as AsyncIterable<string>) {
    if (text.length <= LONGEST_BODY) text += chunk;
  }
  if (text.length > LONGEST_BODY) throw new BadRequest(413, 'The body is too long.');
  return parametersOf(text).map(({ name, ...values }) => {
    const value = Object.entries(values).find(([key]) => key.startsWith('value'))?.[1];
    return [String(name), typeof value === 'string' ? value : JSON.stringify(value ?? null)];
  });
}

function parametersOf(text: string): Record<string, unknown>[] {
  let found: { parameter?: unknown } | null;
  try {
    found = JSON.parse(text || '{}') as { parameter?: unknown } | null;
  } catch {
    throw new BadRequest(400, 'The body is no JSON.');
  }
  const { parameter = [] } = found ?? {};
  if (Array.isArray(parameter) && parameter.every((one) => typeof one === 'object' && one !== null)) return parameter;
  throw new BadRequest(400, 'The body is no Parameters resource.');
}

function json(response: ServerResponse, status: number, content: object, type = 'application/fhir+json'): void {
  response.writeHead(status, { 'Content-Type': type }).end(JSON.stringify(content));
}

function outcome(response: ServerResponse, status: number, code: string, text: string, severity = 'error'): void {
  json(response, status, { resourceType: 'OperationOutcome', issue: [{ severity, code, diagnostics: text }] });
}
