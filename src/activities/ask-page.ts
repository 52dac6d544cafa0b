import { ExportError } from '../errors.ts';
import type { ExportFolder } from '../export-folder/export-folder.ts';
import type { PageMeta } from '../export-folder/manifest-pages.ts';
import type { StatusAnswer, StatusRequest } from '../fhir-server/ask-status.ts';
import { askStatus } from '../fhir-server/ask-status.ts';
import type { FhirServer } from '../fhir-server/fhir-server.ts';
import { resolveUrl } from '../fhir/resolve-url.ts';

/** What an address has answered, and which. */
interface Asked {
  url: string;
  answer: StatusAnswer;
}

interface Known {
  folder: ExportFolder;
  server: FhirServer;
  statusUrl: string;
  /** Stored ones, in order; the link of the last one is updated. */
  pages: PageMeta[];
}

/**
 * Asks for the page behind those that are stored, once; and once more by a fresh link, if the stored one may have ended:
 * signed links do, while the server still works on the page that they lead to. Pages that were there stay as they are, but
 * for their links (Bulk Data IG 3.0, allowPartialManifests), so the fresh one is at the same place.
 *
 * @throws as `askStatus`
 */
export async function askPage(known: Known, request: Omit<StatusRequest, 'url'>): Promise<Asked> {
  const { server, statusUrl, pages } = known;
  const last = pages.at(-1);
  const url = last?.next ?? statusUrl;
  const ask = (address: string): Promise<StatusAnswer> => askStatus(server, { ...request, url: address });
  if (last === undefined) return { url, answer: await ask(url) };
  const asked = await settled(ask(url));
  if (!mayHaveEnded(asked)) return { url, answer: valueOf(asked) };
  const fresh = await freshLink(known, ask);
  if (fresh.kind === 'link' && fresh.url !== url) {
    last.next = fresh.url;
    await known.folder.pages.describe(pages.length, last);
    return { url: fresh.url, answer: await ask(fresh.url) };
  }
  // What the status URL says is about the job.
  return fresh.kind === 'answer' ? { url: statusUrl, answer: fresh.answer } : { url, answer: valueOf(asked) };
}

type Settled = { answer: StatusAnswer } | { error: unknown };

function settled(asking: Promise<StatusAnswer>): Promise<Settled> {
  return asking.then(
    (answer) => ({ answer }),
    (error: unknown) => ({ error }),
  );
}

function valueOf(asked: Settled): StatusAnswer {
  if ('error' in asked) throw asked.error;
  return asked.answer;
}

/** Object storages refuse an ended link in many ways: 400, 401, 403, 404, 410; one without a token is refused for good. */
function mayHaveEnded(asked: Settled): boolean {
  if ('error' in asked) return asked.error instanceof ExportError && asked.error.code === 'AuthorizationFailed';
  const { answer } = asked;
  if (answer.kind === 'tokenNeeded') return answer.refused;
  return answer.kind === 'gone' || (answer.kind === 'trouble' && answer.cause !== 'outage');
}

/** The link of the last stored page as it is now; `changed`: the manifest is another one, or has no such page. */
async function freshLink(
  { statusUrl, pages }: Known,
  ask: (url: string) => Promise<StatusAnswer>,
): Promise<{ kind: 'link'; url: string } | { kind: 'answer'; answer: StatusAnswer } | { kind: 'changed' }> {
  let url = statusUrl;
  for (const page of pages) {
    const answer = await ask(url);
    if (answer.kind !== 'manifest') return { kind: 'answer', answer };
    const { files, next, transactionTime } = answer.manifest;
    const isSame = transactionTime === page.transactionTime && files.length === (page.files ?? files.length);
    const address = next === undefined ? undefined : resolveUrl(next, answer.page.base);
    if (!isSame || address === undefined) return { kind: 'changed' };
    url = address;
  }
  return { kind: 'link', url };
}
