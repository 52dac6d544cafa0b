import { isObject } from './is-object.ts';

/** Which array of the manifest a file comes from; `error` is also IG 4's `outcome`. */
export type FileKind = 'output' | 'deleted' | 'error';

/** One file as the manifest names it. */
export interface ManifestFile {
  kind: FileKind;
  /** It is in `outcome` (IG 4), of which every page has its own. */
  ofPage?: true | undefined;
  /** Place in its array, from 0. */
  index: number;
  /** Resource type of its lines; absent where the output is organised. */
  type?: string | undefined;
  /** As sent: may be relative (IG 1). */
  url: string;
  count?: number | undefined;
  /** Bytes; a hint only, the IG does not say whether compressed or not. */
  fileSize?: number | undefined;
  /** Exact bytes and SHA-256 (hexadecimal) of the file without content coding, as DPC's extensions say. */
  length?: number | undefined;
  sha256?: string | undefined;
}

/** A manifest page of any version of the IG in one shape. */
export interface Manifest {
  /** Verbatim; empty when the server sent none. */
  transactionTime: string;
  requiresAccessToken: boolean;
  organizedBy?: string | undefined;
  manifestType?: string | undefined;
  files: ManifestFile[];
  /** URL of the next page, as sent. */
  next?: string | undefined;
}

/** Canonical of an export's manifest (Bulk Data IG 4.0-ballot); other values earn a warning. */
export const MANIFEST_TYPE = 'http://hl7.org/fhir/uv/bulkdata/StructureDefinition/BulkDataManifest';

/** Characters of a time, a type or a canonical, with room to spare. */
const LONGEST_TEXT = 500;

/** What a body is. */
export type ReadManifest = { kind: 'manifest'; manifest: Manifest } | Unusable;

/** No usable manifest: it would not be known which files there are. */
interface Unusable {
  kind: 'unusable';
  detail: string;
}

/**
 * Reads a manifest of IG 1.0 to 4.0-ballot: `error` and `outcome` are one, `output` may be missing (IG 4) or empty,
 * unknown fields are ignored. A body that is no manifest is never an empty export, and an entry that cannot be fetched
 * makes the whole page unusable, because leaving it out would lose a file silently.
 */
export function readManifest(body: string): ReadManifest {
  let root: unknown;
  try {
    // Some servers begin with a byte order mark.
    root = JSON.parse(body.replace(/^\ufeff/, ''));
  } catch {
    return unusable(/^\s*</.test(body) ? 'a page (HTML or XML) instead of a manifest' : 'not JSON');
  }
  if (!isObject(root)) return unusable('not a JSON object');
  if (typeof root['resourceType'] === 'string') return unusable(`a ${root['resourceType'].slice(0, 40)} resource`);
  const { transactionTime } = root;
  if (typeof transactionTime !== 'string' && !Array.isArray(root['output'])) {
    // LinuxForHealth answers `200 {}` for a deleted job.
    return unusable('neither transactionTime nor output');
  }
  // Recorded in the history, whose entries must stay small whatever a server sends.
  if (typeof transactionTime === 'string' && transactionTime.length > LONGEST_TEXT) {
    return unusable('transactionTime is no time');
  }
  const errors = readFiles('error', root['error']);
  const lists = [
    readFiles('output', root['output']),
    readFiles('deleted', root['deleted']),
    errors,
    readFiles('error', root['outcome'], { from: errors.kind === 'files' ? errors.files.length : 0, ofPage: true }),
  ];
  const files: ManifestFile[] = [];
  for (const list of lists) {
    if (list.kind === 'unusable') return list;
    // Not spread into one call: there may be hundreds of thousands.
    for (const file of list.files) files.push(file);
  }
  const [next, ...others] = nextUrls(root['link']);
  if (next === '') return unusable('the link to the next page has no url');
  // Whichever was followed, the files of the others would be missing.
  if (others.length > 0) return unusable('it has links to several next pages');
  return {
    kind: 'manifest',
    manifest: {
      transactionTime: typeof transactionTime === 'string' ? transactionTime : '',
      // Some write it as text, as forms do.
      requiresAccessToken: /^true$/i.test(String(root['requiresAccessToken'])),
      organizedBy: textOf(root['outputOrganizedBy']),
      manifestType: textOf(root['manifestType']),
      files,
      next,
    },
  };
}

function unusable(detail: string): Unusable {
  return { kind: 'unusable', detail };
}

function readFiles(
  kind: FileKind,
  list: unknown,
  { from, ofPage }: { from: number; ofPage?: true } = { from: 0 },
): { kind: 'files'; files: ManifestFile[] } | Unusable {
  if (list === undefined || list === null) return { kind: 'files', files: [] };
  if (!Array.isArray(list)) return unusable(`${kind} is not an array`);
  const files: ManifestFile[] = [];
  for (const [position, item] of (list as unknown[]).entries()) {
    if (!isObject(item) || typeof item['url'] !== 'string' || item['url'] === '') {
      return unusable(`${kind}[${position}] has no url`);
    }
    files.push({
      kind,
      ofPage,
      index: from + position,
      type: textOf(item['type']),
      url: item['url'],
      count: numberOf(item['count']),
      // FHIR core (R5) spells it `filesize`.
      fileSize: numberOf(item['fileSize']) ?? numberOf(item['filesize']),
      ...integrityOf(item['extension']),
    });
  }
  return { kind: 'files', files };
}

/** DPC says length and checksum in extensions: an object (IG 1 to 3) in its service, an array in its documentation. */
function integrityOf(extension: unknown): Pick<ManifestFile, 'length' | 'sha256'> {
  const pairs: [string, unknown][] = Array.isArray(extension)
    ? extension
        .filter(isObject)
        .map((one) => [String(one['url']), Object.entries(one).find(([key]) => key.startsWith('value'))?.[1]])
    : Object.entries(isObject(extension) ? extension : {});
  const found = (name: string): unknown => pairs.find(([url]) => url === `https://dpc.cms.gov/${name}`)?.[1];
  const checksum = found('checksum');
  return {
    length: numberOf(found('file_length')),
    sha256: typeof checksum === 'string' ? /^sha256:([0-9a-f]{64})$/i.exec(checksum)?.[1]?.toLowerCase() : undefined,
  };
}

/** URLs of the next page, which should be one; empty where the address is missing. */
function nextUrls(links: unknown): string[] {
  const found = (Array.isArray(links) ? links : [links]).filter(isObject).filter(isNext);
  return [...new Set(found.map(({ url }) => (typeof url === 'string' ? url : '')))];
}

/** The relation is a code; some servers write it with a capital, or call the field `rel` as HTTP and HTML do. */
function isNext({ relation, rel }: Record<string, unknown>): boolean {
  return [relation, rel].some((one) => typeof one === 'string' && one.trim().toLowerCase() === 'next');
}

function numberOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && value.length <= LONGEST_TEXT ? value : undefined;
}
