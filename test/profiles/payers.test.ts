import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { AnsweringServer } from '../support/answering-server.ts';
import { startAnswering } from '../support/answering-server.ts';
import type { Stack } from '../support/stack.ts';
import { serverEntry, startStack } from '../support/stack.ts';

const TYPE = 'hl7.fhir.us.davinci-pdex#provider-download';
let stack: Stack;
let payer: AnsweringServer;
/** Method by which it is kicked off; every other one is answered with 405. */
let wanted: string;

beforeAll(async () => {
  stack = await startStack({ servers: {}, workers: false });
  payer = await startAnswering(({ method, url }) => {
    if (method === 'DELETE') return { status: 202 };
    switch (url.replace(/\?.*$/, '')) {
      case '/Group/g/$davinci-data-export':
        return method === wanted
          ? { status: 202, headers: { 'content-location': `${payer.origin}/status` } }
          : { status: 405 };
      case '/status':
        return {
          body: {
            transactionTime: '2027-01-01T00:00:00Z',
            request: 'x',
            requiresAccessToken: false,
            output: [{ type: 'Coverage', url: `${payer.origin}/files/1` }],
            error: [],
          },
        };
      case '/files/1':
        return { body: '{"resourceType":"Coverage","id":"1"}\n' };
      default:
        return { status: 404 };
    }
  });
  stack.config.servers['payer'] = serverEntry(payer.origin);
  stack.config.servers['byGet'] = serverEntry(payer.origin, { kickOffMethod: 'get' });
  stack.config.servers['byPost'] = serverEntry(payer.origin, { kickOffMethod: 'post' });
  stack.config.servers['healthlake'] = serverEntry(payer.origin, { profile: 'healthlake' });
  await stack.startWorkers();
});
afterAll(async () => {
  await stack.close();
  await payer.close();
});

beforeEach(() => {
  wanted = 'POST';
  payer.asked.length = 0;
});

const OF_GROUP = { operation: 'davinci-data-export', level: 'group', groupId: 'g' } as const;
const kickOffs = () => payer.asked.filter(({ url }) => url.includes('$')).map(({ method, url }) => `${method} ${url}`);

test('an export from a payer: kicked off by POST with Parameters, and then as every other', async () => {
  const report = await stack.run({
    server: 'payer',
    operation: 'davinci-data-export',
    level: 'group',
    groupId: 'g',
    parameters: { exportType: TYPE, _type: ['Coverage', 'ExplanationOfBenefit'], patient: '1' },
  });
  expect(report).toMatchObject({ status: 'complete', byType: { Coverage: { resources: 1 } } });
  const [kickOff] = payer.asked.filter(({ url }) => url.includes('$'));
  expect(kickOff).toMatchObject({ method: 'POST', url: '/Group/g/$davinci-data-export' });
  expect(JSON.parse(kickOff?.body ?? '')).toEqual({
    resourceType: 'Parameters',
    parameter: [
      { name: 'exportType', valueCanonical: TYPE },
      { name: '_type', valueString: 'Coverage,ExplanationOfBenefit' },
      { name: 'patient', valueReference: { reference: 'Patient/1' } },
    ],
  });
  expect(payer.asked.filter(({ method }) => method === 'DELETE')).toHaveLength(1);
});

test('a payer that wants GET is asked by GET, when its 405 has said so', async () => {
  wanted = 'GET';
  const parameters = { exportType: TYPE, _type: ['Coverage', 'Patient'] };
  const report = await stack.run({ ...OF_GROUP, server: 'payer', parameters, destination: { path: 'after-405' } });
  expect(report.status).toBe('complete');
  expect(kickOffs()).toEqual([
    'POST /Group/g/$davinci-data-export',
    'GET /Group/g/$davinci-data-export?exportType=hl7.fhir.us.davinci-pdex%23provider-download&_type=Coverage,Patient',
  ]);
});

test('the method of the configuration is that of every operation', async () => {
  wanted = 'GET';
  await stack.run({ ...OF_GROUP, server: 'byGet', destination: { path: 'by-get' } });
  expect(kickOffs()).toEqual(['GET /Group/g/$davinci-data-export']);
  payer.asked.length = 0;
  const failure = await stack.fail({ ...OF_GROUP, server: 'byPost', destination: { path: 'by-post' } });
  expect(failure.code).toBe('KickOffRejected');
  expect(kickOffs()).toEqual(['POST /Group/g/$davinci-data-export']);
});

test('AWS HealthLake is asked as its guide says: by GET, patients in the query', async () => {
  wanted = 'GET';
  const parameters = { exportType: 'hl7.fhir.us.davinci-pdex.member', patient: ['1', 'Patient/2'] };
  await stack.run({ ...OF_GROUP, server: 'healthlake', parameters, destination: { path: 'healthlake' } });
  expect(kickOffs()).toEqual([
    'GET /Group/g/$davinci-data-export?exportType=hl7.fhir.us.davinci-pdex.member&patient=Patient%2F1,Patient%2F2',
  ]);
});

test('workers that know no operation but $export cannot take part', async () => {
  const started = await stack.start({
    server: 'payer',
    operation: 'davinci-data-export',
    level: 'group',
    groupId: 'g',
  });
  await started.result();
  const { events } = await started.handle.fetchHistory();
  const names = (events ?? []).map(
    ({ activityTaskScheduledEventAttributes }) => activityTaskScheduledEventAttributes?.activityType?.name,
  );
  expect(names).toEqual(expect.arrayContaining(['openOperation', 'kickOffOperation']));
  expect(names).not.toContain('openExport');
  expect(names).not.toContain('kickOff');
});

test('the same request with another operation does not resume it', async () => {
  const { hashRequest } = await import('../../src/export-folder/request-hash.ts');
  const request = { server: 'payer', level: 'group', groupId: 'g' } as const;
  expect(hashRequest({ ...request, operation: 'export' })).toBe(hashRequest(request));
  expect(hashRequest({ ...request, operation: 'davinci-data-export' })).not.toBe(hashRequest(request));
});
