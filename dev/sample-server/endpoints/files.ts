import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import type { Context } from '../context.ts';
import type { ExpectedFile } from '../export/ndjson-files.ts';
import { faultOf, type Fault } from '../faults.ts';
import { errorAnswer, type Answer } from '../http/answer.ts';
import { acceptsGzip, hasMediaType, rangeOf } from '../http/request-headers.ts';
import { fileUrl, pathAndQuery } from './links.ts';

const acceptable = ['application/fhir+ndjson', 'application/ndjson', 'application/*', '*/*'];

/** Answers the request for a file of an export, `/files/[job]/[name]`. */
export function file(request: IncomingMessage, url: URL, raw: string, faults: Fault[], context: Context): Answer {
  const [, , jobId = '', name = ''] = url.pathname.split('/');
  const job = context.jobs.find(jobId);
  const found = job?.files?.find((candidate) => candidate.name === name);
  if (job === undefined || job.deleted || found === undefined) {
    return errorAnswer(404, 'not-found', 'There is no such file');
  }
  const generation = Number(url.searchParams.get('v'));
  if (generation > job.urlGeneration || pathAndQuery(fileUrl(context, job, found, generation)) !== raw) {
    return errorAnswer(403, 'forbidden', 'The signature of this URL is not right');
  }
  const expire = faultOf(faults, 'expireFileUrls');
  if (expire !== undefined) context.jobs.expireFileUrls(job, expire.status);
  if (job.expired !== undefined && generation <= job.expired.upTo) {
    return errorAnswer(job.expired.status, 'expired', 'This URL has expired');
  }
  if (request.headers.accept !== undefined && !hasMediaType(request.headers.accept, ...acceptable)) {
    return errorAnswer(406, 'not-supported', 'Files are application/fhir+ndjson');
  }
  const transform = faultOf(faults, 'transformFile');
  if (transform !== undefined) {
    const expected: ExpectedFile = { ...found, url: fileUrl(context, job, found) };
    const bytes = Buffer.from(transform.transform(readFileSync(found.path), expected));
    return deliver(request, { kind: 'memory', bytes, size: bytes.length, etag: hashOf(bytes) }, context);
  }
  const etag = `"${found.sha256.slice(0, 32)}"`;
  return deliver(request, { kind: 'disk', path: found.path, size: found.bytes, etag }, context);
}

/** A body to send, in memory or on disk; `size` in bytes. */
type Content = { size: number; etag: string } & ({ kind: 'disk'; path: string } | { kind: 'memory'; bytes: Buffer });

/** Answers with a content that clients may request compressed or in ranges. */
export function deliver(
  request: IncomingMessage,
  content: Content,
  { settings }: Context,
  contentType = 'application/fhir+ndjson',
): Answer {
  const headers = { 'content-type': contentType, vary: 'accept-encoding' };
  const part = (start: number, length: number) =>
    content.kind === 'memory' ? content.bytes.subarray(start, start + length) : { path: content.path, start, length };
  if (settings.gzip && acceptsGzip(request.headers['accept-encoding'])) {
    // Compressed while it is sent, so positions in the compressed bytes mean nothing: no ranges, and another ETag.
    const etag = content.etag.replace(/"$/, '-gzip"');
    return {
      status: 200,
      headers: { ...headers, etag, 'content-encoding': 'gzip' },
      body: part(0, content.size),
      gzip: true,
      throttled: true,
    };
  }
  const own = { ...headers, etag: content.etag, 'accept-ranges': 'bytes' };
  const ifRange = request.headers['if-range'];
  const range = rangeOf(request.headers.range, ifRange?.toString(), content.etag, content.size);
  switch (range.kind) {
    case 'unsatisfiable':
      return { status: 416, headers: { ...own, 'content-range': `bytes */${content.size}` }, body: '' };
    case 'whole':
      return { status: 200, headers: own, body: part(0, content.size), throttled: true };
    case 'part':
      return {
        status: 206,
        headers: { ...own, 'content-range': `bytes ${range.start}-${range.end}/${content.size}` },
        body: part(range.start, range.end - range.start + 1),
        throttled: true,
      };
  }
}

/** Strong ETag of a content. */
export function hashOf(body: Buffer): string {
  return `"${createHash('sha256').update(body).digest('hex').slice(0, 32)}"`;
}
