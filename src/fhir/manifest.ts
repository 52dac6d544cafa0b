/** Which array of the manifest a file comes from; `error` is also IG 4's `outcome`. */
export type FileKind = 'output' | 'deleted' | 'error';

/** One file as the manifest names it. */
export interface ManifestFile {
  kind: FileKind;
  /** It is in `outcome` (IG 4), of which every page has its own. */
  ofPage?: true;
  /** Place in its array, from 0. */
  index: number;
  /** Resource type of its lines; absent where the output is organised. */
  type?: string;
  /** As sent: may be relative (IG 1). */
  url: string;
  count?: number;
  /** Bytes; a hint only, the IG does not say whether compressed or not. */
  fileSize?: number;
  /** Exact bytes and SHA-256 (hexadecimal) of the file without content coding, as DPC's extensions say. */
  length?: number;
  sha256?: string;
}

/** A manifest page of any version of the IG in one shape. */
export interface Manifest {
  /** Verbatim; empty when the server sent none. */
  transactionTime: string;
  requiresAccessToken: boolean;
  organizedBy?: string;
  manifestType?: string;
  files: ManifestFile[];
  /** URL of the next page, as sent. */
  next?: string;
}

/** Canonical of an export's manifest (Bulk Data IG 4.0-ballot); other values earn a warning. */
export const MANIFEST_TYPE = 'http://hl7.org/fhir/uv/bulkdata/StructureDefinition/BulkDataManifest';

/** Characters of a time, a type or a canonical, with room to spare. */
const LONGEST_TEXT = 500;

/** Why a body is not a usable manifest. */
export interface Unusable {
  unusable: string;
}

/**
 * Reads a manifest of IG 1.0 to 4.0-ballot: `error` and `outcome` are one, `output` may be missing (IG 4) or empty,
 * unknown fields are ignored. A body that is no manifest is never an empty export, and an entry that cannot be fetched
 * makes the whole page unusable, because leaving it out would lose a file silently.
 */
export function readManifest(body: string): Manifest | Unusable {
  let root: unknown;
  try {
    // Some servers begin with a byte order mark.
    root = JSON.parse(body.replace(/^\ufeff/, ''));
  } catch {
    return { unusable: /^\s*</.test(body) ? 'a page (HTML or XML) instead of a manifest' : 'not JSON' };
  }
  if (!isObject(root)) return { unusable: 'not a JSON object' };
  if (typeof root['resourceType'] === 'string') return { unusable: `a ${root['resourceType'].slice(0, 40)} resource` };
  const { transactionTime } = root;
  if (typeof transactionTime !== 'string' && !Array.isArray(root['output'])) {
    // LinuxForHealth answers `200 {}` for a deleted job.
    return { unusable: 'neither transactionTime nor output' };
  }
  // Told in the history, whose entries must stay small whatever a server sends.
  if (typeof transactionTime === 'string' && transactionTime.length > LONGEST_TEXT) {
    return { unusable: 'transactionTime is no time' };
  }
  const files = [
    ...filesOf('output', root['output']),
    ...filesOf('deleted', root['deleted']),
    ...filesOf('error', root['error']),
    ...filesOf('error', root['outcome'], listLength(root['error'])).map((file) =>
      typeof file === 'string' ? file : { ...file, ofPage: true as const },
    ),
  ];
  const wrong = files.find((file) => typeof file === 'string');
  if (wrong !== undefined) return { unusable: wrong };
  const next = nextOf(root['link']);
  if (next === '') return { unusable: 'the link to the next page has no url' };
  return {
    transactionTime: typeof transactionTime === 'string' ? transactionTime : '',
    requiresAccessToken: root['requiresAccessToken'] === true,
    ...optional('organizedBy', root['outputOrganizedBy']),
    ...optional('manifestType', root['manifestType']),
    files: files as ManifestFile[],
    ...(next === undefined ? {} : { next }),
  };
}

function filesOf(kind: FileKind, list: unknown, from = 0): (ManifestFile | string)[] {
  if (list === undefined || list === null) return [];
  if (!Array.isArray(list)) return [`${kind} is not an array`];
  return list.map((item: unknown, position) => {
    if (!isObject(item) || typeof item['url'] !== 'string' || item['url'] === '') {
      return `${kind}[${position}] has no url`;
    }
    // FHIR core (R5) spells it `filesize`.
    const size = numberOf(item['fileSize']) ?? numberOf(item['filesize']);
    const count = numberOf(item['count']);
    return {
      kind,
      index: from + position,
      ...optional('type', item['type']),
      url: item['url'],
      ...(count === undefined ? {} : { count }),
      ...(size === undefined ? {} : { fileSize: size }),
      ...integrityOf(item['extension']),
    };
  });
}

/** DPC says length and checksum in extensions: an object (IG 1 to 3) in its service, an array in its documentation. */
function integrityOf(extension: unknown): { length?: number; sha256?: string } {
  const pairs: [string, unknown][] = Array.isArray(extension)
    ? extension
        .filter(isObject)
        .map((one) => [String(one['url']), Object.entries(one).find(([key]) => key.startsWith('value'))?.[1]])
    : Object.entries(isObject(extension) ? extension : {});
  const found = (name: string): unknown => pairs.find(([url]) => url === `https://dpc.cms.gov/${name}`)?.[1];
  const length = numberOf(found('file_length'));
  const checksum = found('checksum');
  const sha256 =
    typeof checksum === 'string' ? /^sha256:([0-9a-f]{64})$/i.exec(checksum)?.[1]?.toLowerCase() : undefined;
  return { ...(length === undefined ? {} : { length }), ...(sha256 === undefined ? {} : { sha256 }) };
}

/** URL of the next page; empty when there is such a page and its address is missing. */
function nextOf(links: unknown): string | undefined {
  const link = (Array.isArray(links) ? links : [links]).filter(isObject).find((one) => one['relation'] === 'next');
  if (link === undefined) return undefined;
  return typeof link['url'] === 'string' ? link['url'] : '';
}

function numberOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}

function listLength(value: unknown): number {
  return Array.isArray(value) ? value.length : 0;
}

function optional<K extends string>(key: K, value: unknown): { [key in K]?: string } {
  const isUsable = typeof value === 'string' && value !== '' && value.length <= LONGEST_TEXT;
  return isUsable ? ({ [key]: value } as { [key in K]?: string }) : {};
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
