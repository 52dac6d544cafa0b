import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Case, Refusal } from '../case.ts';
import { ATTACHMENT } from '../content.ts';
import type { Asked } from '../journal.ts';
import { Journal } from '../journal.ts';
import { FileHost } from './files.ts';
import { readKickOff } from './kick-off.ts';
import type { Listener } from './listener.ts';
import { Links } from './manifest.ts';
import { sendJson, sendRefusal } from './send.ts';

/** What a server does to the rest of the world. */
export interface Effects {
  /** Lets time pass, where it can be skipped. */
  passTime(milliseconds: number): void;
  /** Done before a request for a range is answered. */
  beforeRange?(): Promise<void>;
}

export const CLIENT_ID = 'hostile-client';

/** A bulk data server that behaves as its case says, written from the standard: RFC 9110 and the Bulk Data IG. */
export class HostileServer {
  readonly journal = new Journal();
  readonly path: string;
  readonly origin: string;
  readonly #case: Case;
  readonly #listener: Listener;
  readonly #files: FileHost;
  readonly #links: Links;
  readonly #effects: Effects;
  readonly #tokens = new Map<string, number>();
  readonly #secret: string;
  #statusUrls = new Set<string>();
  #answered = { kickOff: 0, status: 0, token: 0 };

  /**
   * @param secret of the client
   */
  constructor(one: Case, listener: Listener, effects: Effects, secret: string) {
    this.#case = one;
    this.#listener = listener;
    this.#effects = effects;
    this.#secret = secret;
    this.journal.secrets.add(secret);
    this.path = listener.add((request, response, body) => this.#answer(request, response, body));
    this.origin = listener.origin;
    this.#files = new FileHost(one, this.journal);
    this.#links = new Links(one, this.journal, `${this.origin}${this.path}`);
  }

  get baseUrl(): string {
    return `${this.origin}${this.path}/fhir`;
  }

  get tokenUrl(): string {
    return `${this.origin}${this.path}/token`;
  }

  get readings(): number {
    return this.#links.readings;
  }

  close(): void {
    this.#listener.remove(this.path);
  }

  #answer(request: IncomingMessage, response: ServerResponse, body: string): void {
    const path = (request.url ?? '').slice(this.path.length);
    const asked: Asked = {
      at: Date.now(),
      route: routeOf(request.method ?? '', path),
      method: request.method ?? '',
      path,
      headers: request.headers as Asked['headers'],
      body,
    };
    this.journal.asked.push(asked);
    response.setHeader('date', new Date(Date.now()).toUTCString());
    switch (asked.route) {
      case 'metadata':
        return this.#metadata(asked, response);
      case 'token':
        return this.#token(asked, response);
      case 'kick-off':
        return this.#kickOff(asked, response);
      case 'status':
        return this.#status(asked, response);
      case 'delete':
        return this.#delete(asked, response);
      case 'file':
        return this.#file(asked, response);
      case 'attachment':
        return this.#attachment(asked, response);
      default:
        return sendJson(response, asked, 404, '', this.#case);
    }
  }

  #metadata(asked: Asked, response: ServerResponse): void {
    const { declares, level } = this.#case;
    if (declares === undefined) return sendJson(response, asked, 404, '', this.#case);
    const name = { system: 'export', patient: 'patient-export', group: 'group-export' }[level];
    const definition = `http://hl7.org/fhir/uv/bulkdata/OperationDefinition/${name}|${declares}.0.0`;
    const operation = [{ name: 'export', definition }];
    const type = { system: undefined, patient: 'Patient', group: 'Group' }[level];
    const rest =
      type === undefined ? [{ mode: 'server', operation }] : [{ mode: 'server', resource: [{ type, operation }] }];
    sendJson(response, asked, 200, { resourceType: 'CapabilityStatement', rest }, this.#case);
  }

  #token(asked: Asked, response: ServerResponse): void {
    const { token } = this.#case;
    const json = { ...this.#case, type: 'application/json' };
    if (token === undefined) return sendJson(response, asked, 404, '', json);
    const trouble = token.troubles[this.#answered.token++];
    if (trouble !== undefined) return sendRefusal(response, asked, trouble, 'no token now', this.#case.compresses);
    const basic = Buffer.from(`${CLIENT_ID}:${this.#secret}`).toString('base64');
    this.journal.secrets.add(basic);
    if (asked.headers['authorization'] !== `Basic ${basic}`)
      return sendJson(response, asked, 401, { error: 'invalid_client' }, json);
    const scope = new URLSearchParams(asked.body).get('scope') ?? '';
    if (token.refuses === 'all' || (token.refuses === 'Binary' && /system\/Binary\./.test(scope)))
      return sendJson(response, asked, 400, { error: 'invalid_scope', error_description: 'unknown scope' }, json);
    const value = `t-${randomBytes(16).toString('hex')}`;
    this.journal.secrets.add(value);
    this.#tokens.set(value, Date.now() + token.lifetime * 1000);
    const answer = { access_token: value, token_type: 'bearer', expires_in: token.lifetime, scope };
    sendJson(response, asked, 200, answer, json);
  }

  /** Whether a request may pass; otherwise it has been answered. */
  #isAuthorized(asked: Asked, response: ServerResponse, wanted: boolean): boolean {
    const value = asked.headers['authorization'];
    if (!wanted || this.#case.token === undefined) {
      // Bulk Data IG 3.0: SHALL NOT be sent where requiresAccessToken is false.
      if (value !== undefined) this.journal.problems.push(`credentials were sent to ${asked.route} that wants none`);
      return true;
    }
    if ((this.#tokens.get(value?.replace(/^Bearer /, '') ?? '') ?? 0) > Date.now()) return true;
    asked.outcome = 'token refused';
    sendRefusal(response, asked, { status: 401, body: 'none' }, '', false);
    return false;
  }

  #kickOff(asked: Asked, response: ServerResponse): void {
    if (!this.#isAuthorized(asked, response, true)) return;
    const refusal = this.#case.kickOff[this.#answered.kickOff++];
    if (refusal !== undefined) return this.#refuse(refusal, asked, response, 'no export of that kind');
    const read = readKickOff(this.#case, asked);
    if ('status' in read) {
      return sendRefusal(response, asked, { status: read.status, body: 'final' }, read.detail, this.#case.compresses);
    }
    this.journal.understood.push(read);
    this.journal.jobs++;
    const path = `/status/${this.journal.jobs}`;
    this.#statusUrls.add(path);
    response.setHeader('content-location', `${this.origin}${this.path}${path}`);
    sendJson(response, asked, 202, '', this.#case);
  }

  #status(asked: Asked, response: ServerResponse): void {
    if (!this.#isAuthorized(asked, response, true)) return;
    const isPage = asked.path.startsWith('/pages/');
    if (!isPage && !this.#statusUrls.has(asked.path)) return sendJson(response, asked, 404, '', this.#case);
    const refusal = isPage ? undefined : this.#case.status[this.#answered.status++];
    if (refusal !== undefined) return this.#refuse(refusal, asked, response, 'no status now');
    const answer = isPage ? this.#links.readPage(asked.path) : this.#links.read();
    if (answer === undefined) return sendJson(response, asked, 404, '', this.#case);
    if (answer.expires !== undefined) response.setHeader('expires', new Date(answer.expires).toUTCString());
    sendJson(response, asked, 200, answer.manifest, { ...this.#case, type: 'application/json' });
  }

  #refuse(refusal: Refusal | { kind: 'break' }, asked: Asked, response: ServerResponse, detail: string): void {
    if ('kind' in refusal) {
      response.socket?.destroy();
      return;
    }
    const said = `${detail} (${this.journal.words.length})`;
    if (refusal.body === 'final') this.journal.words.push(said);
    if (refusal.status === 202 && asked.route === 'status') response.setHeader('x-progress', '42 %');
    sendRefusal(response, asked, refusal, said, this.#case.compresses);
  }

  #delete(asked: Asked, response: ServerResponse): void {
    if (!this.#isAuthorized(asked, response, true)) return;
    this.journal.deleted++;
    sendJson(response, asked, this.#case.deletion, '', this.#case);
  }

  #file(asked: Asked, response: ServerResponse): void {
    const link = this.#links.find(asked.path);
    if (link === undefined) return sendJson(response, asked, 404, '', this.#case);
    asked.file = link.file;
    asked.reading = link.reading;
    if (!this.#isAuthorized(asked, response, this.#case.needsToken)) return;
    if (link.until < Date.now()) {
      asked.outcome = 'dead link';
      return sendJson(response, asked, this.#case.links.refusal, '', { compresses: false });
    }
    this.#effects.passTime(this.#case.files[link.file]?.takes ?? 0);
    const wait = asked.headers['range'] === undefined ? undefined : this.#effects.beforeRange?.();
    if (wait === undefined) this.#files.answer(link.file, asked, response);
    else void wait.then(() => this.#files.answer(link.file, asked, response));
  }

  #attachment(asked: Asked, response: ServerResponse): void {
    if (!this.#isAuthorized(asked, response, this.#case.needsToken)) return;
    const binary = { resourceType: 'Binary', id: 'b1', contentType: 'application/pdf' };
    switch (this.#case.attachments) {
      case 'none':
        return sendJson(response, asked, 404, '', this.#case);
      case 'raw':
        response.setHeader('content-type', 'application/pdf').end(ATTACHMENT);
        return;
      case 'Binary':
        return sendJson(
          response,
          asked,
          200,
          { ...binary, data: ATTACHMENT.toString('base64') },
          { compresses: false },
        );
      case 'Binary without data':
        return sendJson(response, asked, 200, binary, { compresses: false });
    }
  }
}

function routeOf(method: string, path: string): Asked['route'] {
  if (path === '/fhir/metadata') return 'metadata';
  if (path.endsWith('/smart-configuration')) return 'smart';
  if (path === '/token') return 'token';
  if (/^\/fhir\/(\w+\/)?([\w-]+\/)?\$export/.test(path)) return 'kick-off';
  if (path.startsWith('/status/') && method === 'DELETE') return 'delete';
  if (path.startsWith('/status/') || path.startsWith('/pages/')) return 'status';
  if (path.startsWith('/files/')) return 'file';
  return path.startsWith('/fhir/Binary/') ? 'attachment' : 'unknown';
}
