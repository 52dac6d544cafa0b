import type { TokenRef } from '../auth/server-authorization.ts';
import { ServerAuthorization } from '../auth/server-authorization.ts';
import type { ServerConfig } from './server-schema.ts';
import type { ExportRequest } from '../contract.ts';
import { ExportError } from '../errors.ts';
import type { ExportCapability } from '../fhir/capability.ts';
import { findExport } from '../fhir/capability.ts';
import type { Entry } from '../fhir/entries.ts';
import { faultOfServerUrl } from '../http/check-url.ts';
import type { HttpClient } from '../http/http-client.ts';
import type { HttpRequest, HttpResponse, RequestKind } from '../http/messages.ts';
import { NetworkError } from '../http/network-error.ts';
import { RefusedUrlError } from '../http/refused-url.ts';
import type { RequestRules } from '../http/rules.ts';
import type { DocumentAnswer } from '../http/server-descriptions.ts';
import { readMetadata } from '../http/server-descriptions.ts';
import { fewOf } from '../policy/short-texts.ts';
import type { Fitted, PlannedRequest } from '../profiles/fit-request.ts';
import { fitRequest } from '../profiles/fit-request.ts';
import { resolveSettings } from '../profiles/resolve.ts';
import type { ServerSettings } from '../profiles/settings.ts';
import type { AskedFor } from './allow.ts';
import { limitsData, notAllowed } from './allow.ts';
import { isAllowedAttachment } from './allowed-attachments.ts';
import { problemOfEntry } from './allowed-types.ts';
import type { Authorized } from './authorize.ts';
import { authorize } from './authorize.ts';
import type { Busy } from './busy.ts';
import { logAnswer, quoteIds } from './log-answer.ts';
import type { TokenNeeded } from './token-needed.ts';
import { tokenRefused } from './token-needed.ts';
import { hintOfOrigin, hintOfRedirect } from './who-gets-the-token.ts';

/** A request to the FHIR server itself. */
export interface FhirRequest extends Pick<
  HttpRequest,
  'method' | 'url' | 'headers' | 'body' | 'signal' | 'freshConnection'
> {
  /** What is asked for, for the log and the metrics. */
  what: RequestKind;
}

/** The server has answered, whatever its status. The body has not been read. */
export interface Answered {
  kind: 'answered';
  response: HttpResponse;
  /** What the request carried. */
  authorized: Authorized;
}

/** How a request came out. */
export type SendResult =
  | Answered
  | {
      kind: 'unreachable';
      detail: string;
      /** False when the server cannot have received the request. */
      maybeSent: boolean;
    }
  /** The URL, or the target of a redirect, is one that is not asked. */
  | { kind: 'refusedUrl'; detail: string };

/** One configured FHIR server as the activities of this worker use it. Tokens stay in here. */
export class FhirServer {
  /** Its entry of the configuration, and the name of that. */
  readonly config: ServerConfig;
  readonly name: string;
  /** By its entry of the configuration and its profile. */
  readonly settings: ServerSettings;
  readonly authorization: ServerAuthorization;
  /** Rules of all requests to it. */
  readonly rules: RequestRules;
  /** When it may be asked for files again. */
  readonly busy: Busy;
  readonly #http: HttpClient;

  constructor(name: string, config: ServerConfig, rules: RequestRules, http: HttpClient, busy: Busy) {
    this.name = name;
    this.config = config;
    this.settings = resolveSettings(config);
    this.rules = { ...rules, server: name };
    this.busy = busy;
    this.#http = http;
    this.authorization = new ServerAuthorization(config, http, this.rules);
  }

  /** Whether the configuration names the URL's origin: then the token may go there. */
  trusts(url: string): boolean {
    return this.rules.trustedOrigins.has(new URL(url).origin);
  }

  /** Says why a URL that the server gave must not be asked, or nothing when it may, as far as it shows without a look-up. */
  faultOfUrl(url: string): string | undefined {
    const { hostname } = new URL(url);
    const { loopback, configuredHosts } = this.rules;
    return faultOfServerUrl(new URL(url), loopback === true || configuredHosts?.has(hostname) === true);
  }

  /** @throws ExportError `NotAllowed` with every part of the request that the configuration does not allow */
  requireAllowed(asked: AskedFor): void {
    const problems = notAllowed(asked, this.config.allow ?? {});
    if (problems.length > 0) throw new ExportError('NotAllowed', fewOf(problems).join('; '));
  }

  /** @throws ExportError `NotAllowed` when the configuration does not allow what a file holds */
  requireAllowedFile(entry: Pick<Entry, 'kind' | 'type'>): void {
    const types = this.config.allow?.types;
    const problem = types === undefined ? undefined : problemOfEntry(entry, types);
    if (problem !== undefined) throw new ExportError('NotAllowed', problem);
  }

  /** Whether an attachment may be fetched. @param url absolute */
  allowsAttachment(url: string): boolean {
    return isAllowedAttachment(url, this.config);
  }

  /** Rules of the request for a file. Where data is limited, what attachments lead to is no way around it. */
  rulesFor({ kind }: Pick<Entry, 'kind'>): RequestRules {
    if (kind !== 'attachment' || !limitsData(this.config.allow ?? {})) return this.rules;
    return { ...this.rules, closedOrigin: new URL(this.config.baseUrl).origin };
  }

  /**
   * The request as it can be sent to this server.
   *
   * @throws ExportError `InvalidRequest` with every part of it that does not work there, and why
   */
  fit(request: PlannedRequest): Fitted {
    const fitted = fitRequest(request, this.config);
    if (fitted.problems.length > 0) throw new ExportError('InvalidRequest', fewOf(fitted.problems).join('; '));
    return fitted;
  }

  /**
   * Credentials of the epoch that the workflow says.
   *
   * @param token undefined for requests that carry none
   * @throws ExportError `AuthorizationFailed`
   */
  authorize(token: TokenRef | undefined): Promise<Authorized | TokenNeeded> {
    return authorize(this.authorization, token);
  }

  /**
   * Sends a request with the token of this epoch, and logs the answer with the ids that the server's support asks for.
   *
   * @throws ExportError `AuthorizationFailed`; the signal's reason
   */
  async send(request: FhirRequest, token: TokenRef | undefined): Promise<SendResult | TokenNeeded> {
    const authorized = await this.authorize(token);
    return authorized.kind === 'tokenNeeded' ? authorized : this.sendAs(authorized, request);
  }

  /** As {@link send}, with credentials that were obtained before. */
  async sendAs(authorized: Authorized, request: FhirRequest): Promise<SendResult> {
    const authorization = authorized.kind === 'token' ? authorized.authorization : undefined;
    try {
      const response = await this.#http.send({ ...request, authorization }, this.rules);
      logAnswer({ server: this.name, what: request.what }, response, this.settings.requestIdHeaders);
      return { kind: 'answered', response, authorized };
    } catch (error) {
      if (error instanceof RefusedUrlError) return { kind: 'refusedUrl', detail: error.message };
      if (!(error instanceof NetworkError)) throw error;
      return { kind: 'unreachable', detail: error.message, maybeSent: error.maybeSent };
    }
  }

  /**
   * What a 401 or 403 means: the token that was sent is of no use.
   *
   * @param detail what was refused, and how
   * @throws ExportError `AuthorizationFailed` where another token would not help: none was sent, or its scope does not
   *   suffice (RFC 6750)
   */
  refusal({ response, authorized }: Answered, detail: string): TokenNeeded {
    const explained = `${detail}${this.#hintOf(response)}${this.idsOf(response)}`;
    if (authorized.kind === 'open' || isScopeFault(response.headers)) {
      throw new ExportError('AuthorizationFailed', explained);
    }
    return tokenRefused(authorized.epoch, explained);
  }

  /** What the server's support needs to find a request, to be added to a failure; empty where the answer has no ids. */
  idsOf(response: Pick<HttpResponse, 'headers'>): string {
    return quoteIds(response, this.settings.requestIdHeaders);
  }

  /** What to add to a refusal by this address: empty, unless the token was not sent because of its origin. */
  hintOfOrigin(url: string): string {
    return this.authorization.isOpen ? '' : hintOfOrigin(url, this.rules.trustedOrigins);
  }

  /**
   * What to add to a refusal of a file.
   *
   * @param answeredBy origin that refused, where it is another one than that of the file's link
   */
  hintOfFile(url: string, answeredBy: string | undefined): string {
    if (answeredBy === undefined || this.authorization.isOpen) return this.hintOfOrigin(url);
    return hintOfRedirect(url, answeredBy, 'its manifests have to name it');
  }

  #hintOf({ url, redirectedFrom }: Pick<HttpResponse, 'url' | 'redirectedFrom'>): string {
    if (redirectedFrom === undefined || this.authorization.isOpen) return this.hintOfOrigin(url);
    return hintOfRedirect(redirectedFrom, url, 'baseUrl and the status URLs have to name it');
  }

  /**
   * Reads the server's CapabilityStatement.
   *
   * @throws NetworkError, RefusedUrlError
   */
  metadata(): Promise<DocumentAnswer> {
    return readMetadata(this.#http, this.rules, this.config.baseUrl);
  }

  /** What the server declares of its export; undefined where it declares nothing usable, which is common and not fatal. */
  async capability(
    level: ExportRequest['level'],
    operation?: ExportRequest['operation'],
  ): Promise<ExportCapability | undefined> {
    const answer = await this.metadata().catch(() => undefined);
    return answer?.kind === 'document' ? findExport(answer.document, level, operation) : undefined;
  }
}

function isScopeFault(headers: HttpResponse['headers']): boolean {
  return /\berror="?insufficient_scope\b/.test(headers['www-authenticate'] ?? '');
}
