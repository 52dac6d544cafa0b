import { describe, expect, test } from 'vitest';
import type { FhirBulkVersion } from '../../../../dev/sample-server/index.ts';
import {
  get,
  kickOff,
  manifestOf,
  poll,
  start,
  string,
  types,
  type KickOff,
  type Parameter,
} from '../server-under-test.ts';

describe('strictness', () => {
  const post = (...parameters: Parameter[]): KickOff => ({ parameters });
  const cases: [name: string, version: FhirBulkVersion, status: number, path: string, options?: KickOff][] = [
    ['no Accept', 3, 400, '$export', { headers: { accept: null } }],
    ['wrong Accept', 3, 400, '$export', { headers: { accept: 'application/json' } }],
    ['no Prefer', 3, 400, '$export', { headers: { prefer: null } }],
    [
      'wrong Content-Type',
      3,
      415,
      '$export',
      { ...post(string('_type', 'Patient')), headers: { 'content-type': 'application/json' } },
    ],
    ['encoded $', 3, 404, '%24export'],
    ['unknown group', 3, 404, 'Group/nobody/$export'],
    [
      'unknown patient',
      3,
      400,
      'Patient/$export',
      post({ name: 'patient', valueReference: { reference: 'Patient/pat-999' } }),
    ],
    ['patient by GET', 3, 400, 'Patient/$export?patient=Patient/pat-1'],
    [
      'patient at system level',
      3,
      400,
      '$export',
      post({ name: 'patient', valueReference: { reference: 'Patient/pat-1' } }),
    ],
    [
      'not a member',
      3,
      400,
      'Group/diabetes/$export',
      post({ name: 'patient', valueReference: { reference: 'Patient/pat-1' } }),
    ],
    ['date for an instant', 3, 400, '$export?_since=2024-01-01'],
    ['unencoded plus', 3, 400, '$export?_since=2024-01-01T00:00:00+01:00'],
    ['wrong value type', 3, 400, '$export', post(string('_since', '2024-01-01T00:00:00Z'))],
    ['repeated _since', 3, 400, '$export?_since=2024-01-01T00:00:00Z&_since=2024-01-01T00:00:00Z'],
    ['unknown parameter', 3, 400, '$export?_sort=name'],
    ['unknown type', 3, 400, '$export?_type=Spaceship'],
    ['only types outside the compartment', 3, 400, 'Patient/$export?_type=Organization'],
    ['result parameter in a filter', 3, 400, '$export?_typeFilter=Patient%3F_sort%3Dname'],
    ['POST to version 1', 1, 405, '$export', post(string('_type', 'Patient'))],
    ['_until before version 3', 2, 400, '$export?_until=2024-01-01T00:00:00Z'],
    ['GET to version 4', 4, 405, '$export'],
    ['comma in version 4', 4, 400, '$export', post(string('_type', 'Patient,Condition'))],
    ['code for a Coding in version 4', 4, 400, '$export', post({ name: 'includeAssociatedData', valueCode: '_x' })],
    ['empty parameter array', 3, 400, '$export', post()],
  ];
  test.each(cases)('%s', async (_name, version, status, path, options) => {
    const server = await start({ version });
    const answer = await kickOff(server, path, options);
    expect(answer.status, answer.text).toBe(status);
    expect(JSON.parse(answer.text)).toHaveProperty('resourceType', 'OperationOutcome');
    expect(server.jobs()).toEqual([]);
  });

  test('lenient handling tells in a file what was ignored', async () => {
    const server = await start();
    const headers = { prefer: 'respond-async, handling=lenient' };
    const manifest = await manifestOf(server, '$export?_sort=name&_type=Patient,Spaceship', { headers });
    expect(types(manifest)).toEqual(['Patient']);
    const { text } = await get(manifest.error?.[0]?.url ?? '');
    expect(text).toContain('_sort');
    expect(text).toContain('Spaceship');
  });

  test('the status URL has to be used as it is, with Accept: application/json', async () => {
    const server = await start();
    const url = String((await kickOff(server, '$export')).headers['content-location']);
    expect(url).toContain('%2F');
    expect((await get(url)).status).toBe(406);
    expect((await poll(url.replace('%2F', '/'))).status).toBe(404);
    expect((await poll(url)).status).toBe(200);
  });

  test('an authorization decides about everything but discovery', async () => {
    const refusal = { status: 401, headers: { 'www-authenticate': 'Bearer' } };
    const server = await start({
      requiresAccessToken: true,
      authorization: {
        authorize: (incoming) => (incoming.headers.authorization === 'Bearer good' ? undefined : refusal),
        serve: (_incoming, route) => ({ status: 200, headers: {}, body: route }),
      },
    });
    expect((await kickOff(server, '$export')).status).toBe(401);
    expect((await kickOff(server, '$export', { headers: { authorization: 'Bearer good' } })).status).toBe(202);
    await server.filesWritten();
    const url = server.expectedFiles()[0]?.url ?? '';
    expect((await get(url)).status).toBe(401);
    expect((await get(url, { authorization: 'Bearer good' })).status).toBe(200);
    expect((await get(`${server.baseUrl}/metadata`)).status).toBe(200);
    expect((await get(`${server.baseUrl}/.well-known/smart-configuration`)).text).toBe('smartConfiguration');
  });
});
