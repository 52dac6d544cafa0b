import type { IncomingMessage } from 'node:http';
import type { Context } from '../context.ts';
import { searchParameters } from '../export/type-filter.ts';
import { groupRecord, hospitalTypes } from '../generate/hospital.ts';
import { errorAnswer, jsonAnswer, type Answer } from '../http/answer.ts';
import { hasMediaType } from '../http/request-headers.ts';
import { deliver, hashOf } from './files.ts';

const fhirJson = { 'content-type': 'application/fhir+json' };

/** `Binary/[id]`: a FHIR Binary for clients that ask for FHIR, otherwise the document itself (FHIR R4, Binary). */
export function binary(request: IncomingMessage, id: string, context: Context): Answer {
  const document = context.hospital.binary(id);
  if (document === undefined) return errorAnswer(404, 'not-found', `Binary/${id} is unknown`);
  const { contentType, bytes } = document;
  if (!hasMediaType(request.headers.accept, 'application/fhir+json')) {
    const content = { kind: 'memory', bytes, size: bytes.length, etag: hashOf(bytes) } as const;
    return deliver(request, content, context, contentType);
  }
  const body = JSON.stringify({ resourceType: 'Binary', id, contentType, data: bytes.toString('base64') });
  return { status: 200, headers: fhirJson, body, throttled: true };
}

/** `Group/[id]`, or the search for groups by `identifier` (`system|value` or `value`), by `name`, or for all. */
export function group(id: string | undefined, url: URL, { hospital, baseUrl }: Context): Answer {
  if (id !== undefined) {
    const found = hospital.group(id);
    if (found === undefined) return errorAnswer(404, 'not-found', `Group/${id} is unknown`);
    return { status: 200, headers: fhirJson, body: groupRecord(found, hospital.patients).text };
  }
  const identifier = url.searchParams.get('identifier');
  const name = url.searchParams.get('name')?.toLowerCase() ?? '';
  const found = hospital
    .groups()
    .filter(
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

const releases = { 1: '1.0.1', 2: '2.0.0', 3: '3.0.0', 4: '4.0.0-ballot' } as const;
const canonical = 'http://hl7.org/fhir/uv/bulkdata';

/** The CapabilityStatement. Its canonicals carry the version of the IG, because the IG has no other place for it. */
export function metadata({ settings, baseUrl }: Context): Answer {
  const release = releases[settings.version];
  const operation = (name: string) => ({
    name: 'export',
    definition: `${canonical}/OperationDefinition/${name}|${release}`,
  });
  const operations: Record<string, object> = {
    Patient: { operation: [operation('patient-export')] },
    Group: { operation: [operation('group-export')] },
  };
  const statement = {
    resourceType: 'CapabilityStatement',
    status: 'active',
    date: '2025-01-01',
    kind: 'instance',
    implementation: { description: 'Sample hospital', url: baseUrl },
    instantiates: [`${canonical}/CapabilityStatement/bulk-data|${release}`],
    fhirVersion: '4.0.1',
    format: ['application/fhir+json'],
    rest: [
      {
        mode: 'server',
        security: settings.authorization?.security?.(baseUrl),
        resource: hospitalTypes.map((type) => ({
          type,
          searchParam: (searchParameters[type] ?? []).map((name) => ({
            name,
            type: /date|authoredon/.test(name) ? 'date' : 'token',
          })),
          ...operations[type],
        })),
        operation: [operation('export')],
      },
    ],
  };
  return jsonAnswer(200, statement, fhirJson);
}
