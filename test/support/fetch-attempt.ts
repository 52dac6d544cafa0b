import type { FileTrouble } from '../../src/download/file-trouble.ts';
import { fetchFile } from '../../src/download/fetch-file.ts';
import type { CheckedFile } from '../../src/download/checked-file.ts';
import type { Entry } from '../../src/fhir/entries.ts';
import type { HttpClient } from '../../src/http/http-client.ts';
import type { RequestRules } from '../../src/http/rules.ts';
import { openDirectory } from '../../src/storage/directory/directory.ts';
import type { Part } from '../../src/storage/folder.ts';

const RULES: RequestRules = { trustedOrigins: new Set(), trustedHeaders: {}, loopback: true };
const NAME = 'Patient.00001.ndjson';

export interface Attempted {
  http: HttpClient;
  /** Root of the destination; the export is in its folder `export`. */
  root: string;
  url: string;
  entry?: Partial<Entry>;
  identity?: boolean;
  /** Default: nothing is trusted. */
  rules?: RequestRules;
  signal?: AbortSignal;
  /** Stands between the transfer and the part. */
  wrap?: (part: Part) => Part;
  onProgress?: (bytes: number) => void;
}

/** One attempt at a file, as an activity makes it: published when it comes whole, else kept for the next one. */
export async function attemptFile(attempted: Attempted): Promise<CheckedFile | FileTrouble> {
  const {
    http,
    root,
    url,
    identity,
    rules = RULES,
    signal = new AbortController().signal,
    wrap = (part) => part,
  } = attempted;
  const folder = await openDirectory(root, 'export');
  const entry: Entry = {
    ordinal: 0,
    page: 1,
    kind: 'output',
    index: 0,
    type: 'Patient',
    url,
    name: NAME,
    needsToken: false,
    ...attempted.entry,
  };
  const part = await folder.openPart('0');
  try {
    const outcome = await fetchFile(
      { rules, entry, ...(identity === undefined ? {} : { identity }) },
      { http, part: wrap(part), signal, onProgress: attempted.onProgress ?? (() => {}), onRefusal: () => {} },
    );
    if (outcome.kind === 'trouble') return outcome.trouble;
    await part.finish();
    await part.publish(NAME);
    return outcome.file;
  } finally {
    await part.keep();
  }
}

/** Path of the published file. */
export const publishedAt = (root: string): string => `${root}/export/${NAME}`;
