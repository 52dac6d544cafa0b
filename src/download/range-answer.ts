import type { FileVersion } from '../storage/folder.ts';

/** What was asked for: the bytes behind those that are there, if the file is still the same version. */
export interface RangeAsked {
  /** First byte, from 0: as many are there. */
  from: number;
  version: FileVersion;
  /** By another link than the version came: only the same size, said again, shows that it leads to the same file. */
  isOtherLink?: boolean;
}

/** All of the file. */
export interface Whole {
  kind: 'whole';
  /** By which it can be resumed; undefined when it cannot. */
  version: FileVersion | undefined;
}

/** Bytes of the version asked for, from where they were asked for. */
export interface Rest {
  kind: 'rest';
  version: FileVersion;
  /** Behind the last one, from the beginning of the file. */
  end: number;
  /** That is the end of the file; else more of it has to be asked for. */
  isLast: boolean;
}

/** No answer to what was asked for. */
export interface Wrong {
  kind: 'wrong';
  detail: string;
}

/** What an answer to a request for the rest of a file is. */
export type RangeAnswer =
  | Whole
  | Rest
  /** Nothing that may be joined to what is there: the whole file is to be asked for. */
  | { kind: 'again'; detail: string }
  /** A status that brings no file. */
  | { kind: 'status' };

interface Answer {
  status: number;
  headers: Headers;
}

/** Names in lower case. */
type Headers = Readonly<Record<string, string | undefined>>;

/** Decides what an answer to a request for a whole file is. */
export function readAnswer({ status, headers }: Answer): Whole | Wrong | { kind: 'status' } {
  if (status === 200) return { kind: 'whole', version: versionOf(headers) };
  // Nobody asked for a range (RFC 9110, 15.3.7).
  return status === 206 ? { kind: 'wrong', detail: 'a part came, and all of it was asked for' } : { kind: 'status' };
}

/**
 * Decides what an answer to a request with Range and If-Range is, by RFC 9110 (14.4, 15.3.7, 15.5.17): only bytes with
 * the same strong validator are joined, and nothing that is not said is taken for granted.
 */
export function readRangeAnswer({ status, headers }: Answer, asked: RangeAsked): RangeAnswer {
  if (status === 206) return readPart(headers, asked);
  // A range of another version would not have been looked at: the file is shorter, or the server does not do If-Range.
  if (status === 416) return again('the rest is not there');
  if (status !== 200) return { kind: 'status' };
  // Somebody on the way made it of a 206: the body is a part.
  if (headers['content-range'] !== undefined) return again('a part came as the whole');
  return { kind: 'whole', version: versionOf(headers) };
}

function readPart(headers: Headers, { from, version, isOtherLink = false }: RangeAsked): RangeAnswer {
  // RFC 9110, 15.3.7.3: parts may be combined if all of them have the same strong validator.
  if (headers['etag'] !== version.validator) return again('the rest is of another version');
  if (codingOf(headers) !== 'identity') return again('the rest is encoded');
  // Also where there is no Content-Range: several parts in one body (multipart/byteranges) were not asked for.
  const range = readContentRange(headers['content-range']);
  if (range?.first !== from) return again('it is another range');
  const total = range.total ?? (isOtherLink ? undefined : version.total);
  // `bytes a-b/*` says nothing of the end; without an earlier word on it the rest might be missing.
  if (total === undefined) return again('the size of the file is not said');
  if (version.total !== undefined && version.total !== total) return again('the file has another size');
  const length = headers['content-length'];
  if (length !== undefined && Number(length) !== range.last + 1 - from) return again('it is as long as another range');
  if (range.last >= total) return again('it ends behind the end');
  return {
    kind: 'rest',
    version: { validator: version.validator, total },
    end: range.last + 1,
    isLast: range.last + 1 === total,
  };
}

function again(detail: string): RangeAnswer {
  return { kind: 'again', detail };
}

/** `bytes first-last/total` (RFC 9110, 14.4); total undefined when it is `*`. */
function readContentRange(text: string | undefined): { first: number; last: number; total?: number } | undefined {
  const [, first, last, total] = /^\s*bytes\s+(\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)\s*$/i.exec(text ?? '') ?? [];
  if (first === undefined || Number(last) < Number(first)) return undefined;
  return { first: Number(first), last: Number(last), ...(total === '*' ? {} : { total: Number(total) }) };
}

/** By which a later attempt can ask for the rest; always of this answer, and of no earlier one. */
function versionOf(headers: Headers): FileVersion | undefined {
  const etag = headers['etag'];
  // RFC 9110, 13.1.5: If-Range with a weak validator never holds. An empty one distinguishes no versions.
  if (etag === undefined || !/^"[\x21\x23-\x7e]+"$/.test(etag)) return undefined;
  // Positions in a body that is compressed mean nothing in the file.
  if (codingOf(headers) !== 'identity' || /^\s*none\s*$/i.test(headers['accept-ranges'] ?? '')) return undefined;
  const total = lengthOf(headers);
  return { validator: etag, ...(total === undefined ? {} : { total }) };
}

/** Bytes of a whole file that comes as it is; undefined when the answer does not say it. */
export function lengthOf(headers: Headers): number | undefined {
  const length = headers['content-length'];
  const isSaid = codingOf(headers) === 'identity' && length !== undefined && /^\d{1,15}$/.test(length);
  return isSaid ? Number(length) : undefined;
}

function codingOf(headers: Headers): string {
  const coding = headers['content-encoding']?.trim().toLowerCase() ?? '';
  return coding === '' ? 'identity' : coding;
}
