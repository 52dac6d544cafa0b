import type { IncomingMessage } from 'node:http';
import { errorAnswer, type Answer } from '../http/answer.ts';
import type { Context } from '../context.ts';
import { groupRecord, groups } from '../generate/groups.ts';
import { deliver, hashOf } from './files.ts';
import { hasMediaType } from '../http/preferences.ts';

const fhirJson = { 'content-type': 'application/fhir+json' };

/** `Binary/[id]`: a FHIR Binary for those who ask for FHIR, otherwise the document itself (FHIR R4, Binary). */
export function binary(request: IncomingMessage, id: string, context: Context): Answer {
  const document = context.hospital.binary(id);
  if (document === undefined) return errorAnswer(404, 'not-found', `Binary/${id} is unknown`);
  const { contentType, bytes } = document;
  if (!hasMediaType(request.headers.accept, 'application/fhir+json')) {
    return deliver(request, { body: bytes, size: bytes.length, etag: hashOf(bytes) }, context, contentType);
  }
  const body = JSON.stringify({ resourceType: 'Binary', id, contentType, data: bytes.toString('base64') });
  return { status: 200, headers: fhirJson, body, throttled: true };
}

/** `Group/[id]`, or the search for groups, by `identifier` (`system|value` or `value`) or `name` if given. */
export function group(id: string | undefined, url: URL, { hospital, baseUrl }: Context): Answer {
  if (id !== undefined) {
    const found = hospital.group(id);
    if (found === undefined) return errorAnswer(404, 'not-found', `Group/${id} is unknown`);
    return { status: 200, headers: fhirJson, body: groupRecord(found, hospital.patients).text };
  }
  const identifier = url.searchParams.get('identifier');
  const name = url.searchParams.get('name')?.toLowerCase() ?? '';
  const found = groups.filter(
    (candidate) =>
      (identifier === null || identifier === candidate.id || identifier === `urn:oid:2.999.2|${candidate.id}`) &&
      candidate.name.toLowerCase().startsWith(name),
  );
  const entries = found.map(
    (candidate) =>
      `{"fullUrl":"${baseUrl}/Group/${candidate.id}","resource":${groupRecord(candidate, hospital.patients).text}}`,
  );
  const head = `{"resourceType":"Bundle","type":"searchset","total":${found.length}`;
  return {
    status: 200,
    headers: fhirJson,
    body: `${head}${entries.length > 0 ? `,"entry":[${entries.join(',')}]` : ''}}`,
  };
}
