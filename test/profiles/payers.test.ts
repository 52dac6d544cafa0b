import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AnsweringServer } from '../support/answering-server.ts';
import { startAnswering } from '../support/answering-server.ts';
import type { Stack } from '../support/stack.ts';
import { serverEntry, startStack } from '../support/stack.ts';

const TYPE = 'hl7.fhir.us.davinci-pdex#provider-download';
let stack: Stack;
let payer: AnsweringServer;

beforeAll(async () => {
  stack = await startStack({ servers: {}, workers: false });
  payer = await startAnswering(({ method, url }) => {
    if (method === 'DELETE') return { status: 202 };
    switch (url) {
      case '/Group/g/$davinci-data-export':
        return method === 'POST'
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
  // The worker's own setting for $export does not count.
  stack.config.servers['payer'] = serverEntry(payer.origin, { kickOffMethod: 'get' });
  await stack.startWorkers();
});
afterAll(async () => {
  await stack.close();
  await payer.close();
});

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
