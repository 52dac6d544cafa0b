import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import type { Case, FileCase } from '../case.ts';
import { contentOf, hashOf, spoil } from '../content.ts';
import type { Asked, Journal } from '../journal.ts';
import { sendBody, sendRefusal } from './send.ts';

/** What is sent of a file, before anything happens to it. */
interface Representation {
  bytes: Buffer;
  gzip: boolean;
  /** Changes with every byte. */
  tag: string;
  isSpoilt: boolean;
}

/** Versions by case, file and number; most are sent more than once, and all are compared with what was stored. */
const versions = new WeakMap<Case, Map<string, Buffer>>();

function versionOf(one: Case, index: number, version: number): Buffer {
  const ofCase = versions.get(one) ?? new Map<string, Buffer>();
  versions.set(one, ofCase);
  const key = `${index} ${version}`;
  const content = ofCase.get(key) ?? contentOf(one.files[index] as FileCase, index, version, one.attachments);
  ofCase.set(key, content);
  return content;
}

/** The files of a case, each with its own faults. Source: RFC 9110, 13.1.5 (If-Range), 14 (ranges), 15.3.7 (206). */
export class FileHost {
  readonly #case: Case;
  readonly #journal: Journal;
  /** Requests, and answers that brought content, by file. */
  readonly #requests = new Map<number, number>();
  readonly #deliveries = new Map<number, number>();

  constructor(one: Case, journal: Journal) {
    this.#case = one;
    this.#journal = journal;
  }

  /** Every version that the server has or will have of a file. */
  static versionsOf(one: Case, index: number): Buffer[] {
    const file = one.files[index] as FileCase;
    return Array.from({ length: file.changes.length + 1 }, (_, version) => versionOf(one, index, version));
  }

  /** Answers a request for a file whose link is good. */
  answer(index: number, asked: Asked, response: ServerResponse): void {
    const file = this.#case.files[index] as FileCase;
    const request = this.#requests.get(index) ?? 0;
    this.#requests.set(index, request + 1);
    const trouble =
      file.troubles[request] ??
      (file.forever === undefined ? undefined : ({ kind: 'refuse', refusal: file.forever } as const));
    if (trouble?.kind === 'refuse') {
      asked.outcome = 'refused';
      sendRefusal(response, asked, trouble.refusal, 'no file now', false);
      return;
    }
    const whole = this.#representationOf(file, index, asked);
    this.#deliveries.set(index, (this.#deliveries.get(index) ?? 0) + 1);
    const { status, bytes, outcome } = this.#select(file, whole, asked, response);
    asked.status = status;
    asked.outcome = outcome;
    this.#describe(index, file, whole, response);
    const end =
      trouble === undefined ? {} : { end: { kind: trouble.kind, after: Math.floor(trouble.at * bytes.length) } };
    if (trouble !== undefined) asked.outcome = 'broken';
    else if (file.length === 'too small' && bytes.length > 0) asked.outcome = 'unusable';
    else if (file.length === 'too large') asked.outcome = 'broken';
    asked.sent = trouble === undefined ? bytes.length : Math.floor(trouble.at * bytes.length);
    sendBody(response, status, bytes, { length: status === 416 ? 'right' : file.length, ...end });
  }

  #representationOf(file: FileCase, index: number, asked: Asked): Representation {
    const deliveries = this.#deliveries.get(index) ?? 0;
    const version = file.alternates
      ? deliveries % (file.changes.length + 1)
      : file.changes.filter((change) => change <= deliveries).length;
    const content = versionOf(this.#case, index, version);
    const isSpoilt = file.defect !== undefined && deliveries < file.defect.deliveries;
    const plain = isSpoilt && file.defect !== undefined ? spoil(content, file, file.defect.what) : content;
    const gzip =
      file.coding === 'unasked' || (file.coding === 'asked' && /gzip/.test(asked.headers['accept-encoding'] ?? ''));
    const bytes = gzip ? gzipSync(plain) : plain;
    return { bytes, gzip, tag: `"${hashOf(bytes).slice(0, 12)}"`, isSpoilt };
  }

  /** Which bytes are sent, and how they are called. */
  #select(
    file: FileCase,
    { bytes, tag, isSpoilt }: Representation,
    { headers }: Asked,
    response: ServerResponse,
  ): { status: number; bytes: Buffer; outcome: 'delivered' | 'spoilt' | 'unusable' | 'broken' } {
    const proper = isSpoilt ? 'spoilt' : file.coding === 'unknown' ? 'unusable' : 'delivered';
    const from = Number(/^bytes=(\d+)-$/.exec(headers['range'] ?? '')?.[1] ?? -1);
    const { length } = bytes;
    if (from < 0) {
      if (!file.unasked206 || length === 0) return { status: 200, bytes, outcome: proper };
      response.setHeader('content-range', `bytes 0-${length - 1}/${length}`);
      return { status: 206, bytes, outcome: 'unusable' };
    }
    const holds = headers['if-range'] === undefined || (isStrong(file) && headers['if-range'] === tag);
    if (file.ranges === 'ignored' || (!holds && file.ifRange === 'honoured')) {
      return { status: 200, bytes, outcome: proper };
    }
    if (from >= length) {
      response.setHeader('content-range', `bytes */${length}`);
      return { status: 416, bytes: Buffer.alloc(0), outcome: 'broken' };
    }
    const outcome = holds ? proper : 'unusable';
    const rest = bytes.subarray(from);
    switch (file.ranges) {
      case 'honoured':
      case 'open total':
        response.setHeader('content-range', `bytes ${from}-${length - 1}/${file.ranges === 'honoured' ? length : '*'}`);
        return { status: 206, bytes: rest, outcome };
      case 'short':
      case 'short, open total': {
        const part = someLines(rest);
        response.setHeader(
          'content-range',
          `bytes ${from}-${from + part.length - 1}/${file.ranges === 'short' ? length : '*'}`,
        );
        return {
          status: 206,
          bytes: part,
          outcome: part.length < rest.length && outcome === 'delivered' ? 'broken' : outcome,
        };
      }
      case 'wrong start': {
        const start = Math.max(0, from - 3);
        response.setHeader('content-range', `bytes ${start}-${length - 1}/${length}`);
        return { status: 206, bytes: bytes.subarray(start), outcome: 'unusable' };
      }
      case 'multipart': {
        response.setHeader('content-type', 'multipart/byteranges; boundary=b');
        const head = `--b\r\ncontent-range: bytes ${from}-${length - 1}/${length}\r\n\r\n`;
        return {
          status: 206,
          bytes: Buffer.concat([Buffer.from(head), rest, Buffer.from('\r\n--b--')]),
          outcome: 'unusable',
        };
      }
    }
  }

  #describe(index: number, file: FileCase, { gzip, tag }: Representation, response: ServerResponse): void {
    if (!response.hasHeader('content-type')) response.setHeader('content-type', 'application/fhir+ndjson');
    if (gzip) response.setHeader('content-encoding', 'gzip');
    else if (file.coding === 'unknown') response.setHeader('content-encoding', 'compress');
    // Counted with this one.
    const isOdd = (this.#deliveries.get(index) ?? 0) % 2 === 0;
    if (file.validator === 'none' || (file.validator === 'sometimes' && isOdd)) return;
    response.setHeader('etag', file.validator === 'weak' ? `W/${tag}` : tag);
    if (!isStrong(file)) return;
    const given = this.#journal.validators.get(index) ?? new Set();
    this.#journal.validators.set(index, given.add(tag));
  }
}

function isStrong({ validator }: FileCase): boolean {
  return validator === 'strong' || validator === 'sometimes';
}

/** The first half of what is left, up to the end of a line; all of it when that is little. */
function someLines(rest: Buffer): Buffer {
  const end = rest.indexOf(0x0a, Math.floor(rest.length / 2));
  return end === -1 ? rest : rest.subarray(0, end + 1);
}
