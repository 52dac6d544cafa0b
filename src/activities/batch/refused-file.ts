import type { FileTrouble } from '../../download/file-trouble.ts';
import type { Entry } from '../../fhir/entries.ts';
import type { Authorized } from '../../fhir-server/authorize.ts';
import type { ServerSettings } from '../../profiles/settings.ts';
import type { FhirServer } from '../../fhir-server/fhir-server.ts';

const NEEDS_TOKEN =
  ' (no token was sent, because the manifest says that its files need none; if they do, set requiresAccessToken: always)';

/**
 * What trouble means where it happened: a 401 at a trusted origin is about the token that was sent; elsewhere, also where a
 * redirect has led to, about the link.
 *
 * @param tokenIsGood a refusal is about the file
 */
export function judgeTrouble(
  trouble: FileTrouble,
  { url, kind }: Pick<Entry, 'url' | 'kind'>,
  server: FhirServer,
  authorized: Authorized,
  tokenIsGood: boolean,
): FileTrouble {
  const trusted = server.trusts(url);
  // Attachments may be anywhere: that one of these servers is unreachable says nothing of the FHIR server.
  if (kind === 'attachment' && trouble.cause === 'outage' && !trusted) {
    return { ...trouble, cause: 'elsewhere', busy: undefined };
  }
  if (trouble.cause !== 'link') return trouble;
  const { detail } = trouble;
  const isUnauthorized = detail === 'HTTP 401';
  // No token went there.
  const isElsewhere = trouble.answeredBy !== undefined;
  if (authorized.kind === 'token' && trusted && isUnauthorized && !isElsewhere && !tokenIsGood)
    return { cause: 'token', detail, refusedEpoch: authorized.epoch };
  const mayNeedToken = isUnauthorized && trusted && !server.authorization.isOpen;
  const hintOfOpen = mayNeedToken ? NEEDS_TOKEN : '';
  return {
    // The manifest, which could be read again, has no links to attachments.
    cause: kind === 'attachment' ? 'final' : 'link',
    detail: `${detail}${
      authorized.kind === 'open' ? hintOfOpen : server.hintOfFile(url, isUnauthorized ? trouble.answeredBy : undefined)
    }`,
  };
}

/**
 * Whether a file is not found because the server is not ready yet, although its manifest is.
 *
 * @param completeAt when the job was seen to be complete: milliseconds since the epoch
 */
export function isStillWritten(
  trouble: FileTrouble,
  completeAt: number | undefined,
  { fileLagSeconds }: Pick<ServerSettings, 'fileLagSeconds'>,
): boolean {
  if (completeAt === undefined || fileLagSeconds === undefined) return false;
  return (
    Date.now() < completeAt + 1000 * fileLagSeconds && trouble.cause === 'link' && /^HTTP 404\b/.test(trouble.detail)
  );
}
