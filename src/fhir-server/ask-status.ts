import type { TokenRef } from '../auth/server-authorization.ts';
import type { PollAnswer, PollTerms } from '../fhir/poll-answer.ts';
import { readStatus } from '../fhir/poll-answer.ts';
import { RefusedUrlError } from '../http/refused-url.ts';
import { readText } from '../http/read-text.ts';
import { NetworkError } from '../http/network-error.ts';
import { ExportError } from '../errors.ts';
import type { ActivityDeps } from '../activities/deps.ts';
import type { Hold } from '../http/body-memory.ts';
import { logAnswer } from './log-answer.ts';
import type { TokenNeeded } from './token-needed.ts';
import { authorize, hintOfOrigin, isScopeFault, refused } from './token-needed.ts';

/** Largest manifest page that is read, in bytes. */
const LARGEST_PAGE = 256 * 1024 * 1024;

/** What a status URL or a manifest page answered, and what is needed to store it. */
export interface StatusAnswer {
  answer: Exclude<PollAnswer, { kind: 'failed' | 'refused' }> | TokenNeeded;
  body: string;
  url: string;
  expires?: string | undefined;
  date?: string | undefined;
}

/**
 * Asks the status URL or the URL of a manifest page, once.
 *
 * @throws ExportError `ExportFailed`, `AuthorizationFailed`, `InvalidManifest`
 */
export async function askStatus(
  deps: ActivityDeps,
  serverName: string,
  url: string,
  terms: PollTerms,
  token: TokenRef | undefined,
  signal: AbortSignal,
  hold: Hold,
): Promise<StatusAnswer> {
  // The page before is stored by now.
  hold.release();
  const server = await deps.servers.get(serverName);
  const authorized = await authorize(server, token);
  if ('kind' in authorized) return { answer: authorized, body: '', url };
  const { authorization, epoch } = authorized;
  try {
    const response = await deps.http.send(
      {
        method: 'GET',
        url,
        headers: { accept: 'application/json' },
        signal,
        ...(authorization === undefined ? {} : { authorization }),
      },
      server.rules,
    );
    logAnswer('status', response);
    const body = await readText(response, LARGEST_PAGE, { room: hold });
    const answer = readStatus({ status: response.status, headers: response.headers, body }, terms, Date.now());
    if (answer.kind === 'failed') throw new ExportError('ExportFailed', answer.detail);
    if (answer.kind === 'refused') {
      const detail = `the status request was refused: ${answer.detail}${hintOfOrigin(server, response.url)}`;
      if (authorization === undefined || isScopeFault(response.headers))
        throw new ExportError('AuthorizationFailed', detail);
      return { answer: refused(epoch, detail), body, url };
    }
    return { answer, body, url, expires: response.headers['expires'], date: response.headers['date'] };
  } catch (error) {
    if (error instanceof RefusedUrlError) throw new ExportError('InvalidManifest', error.message);
    if (!(error instanceof NetworkError)) throw error;
    return { answer: { kind: 'trouble', cause: 'outage', detail: error.message }, body: '', url };
  }
}
