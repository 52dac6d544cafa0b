import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import { expectSoundRows, readAsCumulus, readLog } from '../support/export-log.ts';
import type { GivenServer } from '../support/given-server.ts';
import { givenPage, startGivenServer } from '../support/given-server.ts';
import type { Stack } from '../support/stack.ts';
import { serverEntry, startStack } from '../support/stack.ts';

let stack: Stack;
let hospital: SampleServer;
let given: GivenServer;

beforeAll(async () => {
  given = await startGivenServer();
  stack = await startStack({ servers: { hospital: { patients: 8, pollsUntilReady: 0 } }, workers: false });
  stack.config.servers['given'] = serverEntry(given.origin);
  hospital = stack.servers['hospital'] as SampleServer;
  await stack.startWorkers();
});
afterAll(async () => {
  await stack.close();
  await given.close();
});

describe('log.ndjson', () => {
  test('says what was asked for and what came, as cumulus-etl and smart-fetch have it', async () => {
    const parameters = { _type: ['Patient', 'Condition'], _since: '2020-01-01T00:00:00Z' };
    const report = await stack.run({ level: 'group', groupId: 'diabetes', parameters });
    await expectExactFiles(report.location, hospital);
    const rows = await readLog(report.location);
    expect(readAsCumulus(rows)).toEqual({ group: 'diabetes', exportTime: report.transactionTime });
    expect(rows[0]).toMatchObject({
      eventId: 'kickoff',
      eventDetail: {
        exportUrl: `${hospital.baseUrl}/Group/diabetes/$export`,
        requestParameters: { _type: 'Patient,Condition', _since: '2020-01-01T00:00:00Z' },
        fhirVersion: '4.0.1',
        logVersion: '2',
      },
    });
    expect(rows.map(({ eventId }) => eventId).slice(0, 4)).toEqual([
      'kickoff',
      'status_complete',
      'status_page_complete',
      'manifest_complete',
    ]);
    const times = rows.slice(0, 4).map(({ timestamp }) => Date.parse(timestamp));
    expect([...times].sort((a, b) => a - b)).toEqual(times);
  });

  test('names no patient and no query', async () => {
    given.pages = [givenPage({ output: [{ type: 'Patient', url: '/one?sig=secret1', count: 1 }] })];
    given.files = { one: '{"resourceType":"Patient","id":"1"}\n' };
    const parameters = { patient: ['Patient/4711'], _type: 'Patient' };
    const { location } = await stack.run({ server: 'given', level: 'patient', parameters });
    const rows = await readLog(location);
    expectSoundRows(rows);
    expect(JSON.stringify(rows)).not.toMatch(/4711|secret1/);
    expect(rows.find(({ eventId }) => eventId === 'download_complete')?.eventDetail).toMatchObject({
      fileUrl: `${given.origin}/one`,
      _file: 'Patient.00001.ndjson',
    });
  });

  test('of an incomplete export names the missing file; resumed, it is one log of one export', async () => {
    hospital.faults.add({
      route: 'file',
      match: ({ url }) => url.includes('Condition'),
      times: Infinity,
      do: { kind: 'answer', status: 404 },
    });
    const request = { parameters: { _type: 'Patient,Condition' }, destination: { path: 'resumed' } };
    expect((await stack.fail(request)).code).toBe('IncompleteExport');
    const location = `${stack.folder}/resumed`;
    const before = await readLog(location);
    expectSoundRows(before);
    expect(before.filter(({ eventId }) => eventId === 'download_error')).toMatchObject([
      { eventDetail: { _file: 'Condition.00001.ndjson', message: expect.stringContaining('404') as string } },
    ]);
    expect(before.some(({ eventId }) => eventId === 'export_complete')).toBe(false);
    hospital.faults.clear();
    await stack.run(request);
    await expectExactFiles(location, hospital);
    expect((await readLog(location))[0]).toEqual(before[0]);
  });
});
