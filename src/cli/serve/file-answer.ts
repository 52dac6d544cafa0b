import { createReadStream } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { ExportedFile } from './exported.ts';

/** Answers a GET or HEAD of a file: whole, a range of it, compressed, or not changed. */
export async function answerFile(
  file: ExportedFile,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { range, 'if-none-match': known, 'if-range': condition } = request.headers;
  const zip = range === undefined && acceptsGzip(request.headers['accept-encoding']);
  // The compressed bytes are another representation.
  const etag = `"${file.sha256}${zip ? '-gzip' : ''}"`;
  response.setHeader('Content-Type', 'application/fhir+ndjson');
  response.setHeader('ETag', etag);
  response.setHeader('Vary', 'Accept-Encoding');
  response.setHeader('Accept-Ranges', 'bytes');
  if (known?.split(',').some((one) => one.trim().replace(/^W\//, '') === etag)) {
    response.writeHead(304).end();
    return;
  }
  // Of another version the whole file is sent.
  const asked =
    range === undefined || (condition !== undefined && condition !== etag) ? undefined : rangeOf(range, file.bytes);
  if (asked === 'unsatisfiable') {
    response.writeHead(416, { 'Content-Range': `bytes */${file.bytes}` }).end();
    return;
  }
  const { first, last } = asked ?? { first: 0, last: file.bytes - 1 };
  if (zip) response.setHeader('Content-Encoding', 'gzip');
  else response.setHeader('Content-Length', last - first + 1);
  response.writeHead(
    asked === undefined ? 200 : 206,
    asked && { 'Content-Range': `bytes ${first}-${last}/${file.bytes}` },
  );
  if (request.method === 'HEAD' || file.bytes === 0) {
    response.end();
    return;
  }
  const bytes = createReadStream(file.path, { start: first, end: last });
  await (zip ? pipeline(bytes, createGzip({ level: 1 }), response) : pipeline(bytes, response));
}

/** A single range of bytes (RFC 9110, 14.1.2); undefined for anything else, which may be ignored. */
export function rangeOf(header: string, size: number): { first: number; last: number } | 'unsatisfiable' | undefined {
  const [, from, to] = /^bytes=(\d*)-(\d*)$/.exec(header.trim()) ?? [];
  if (from === undefined || to === undefined || from + to === '') return undefined;
  if (from === '') {
    const length = Math.min(Number(to), size);
    return length === 0 ? 'unsatisfiable' : { first: size - length, last: size - 1 };
  }
  const first = Number(from);
  const last = to === '' ? size - 1 : Math.min(Number(to), size - 1);
  if (to !== '' && Number(to) < first) return undefined;
  return first >= size ? 'unsatisfiable' : { first, last };
}

function acceptsGzip(header: string | string[] | undefined): boolean {
  const offers = String(header ?? '').split(',');
  return offers.some((offer) => /^\s*gzip\s*(;\s*q=(?!0(\.0*)?\s*$).*)?$/i.test(offer));
}
