import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import { operationOutcome } from '../../dev/sample-server/index.ts';
import { ExportFolder } from '../../src/export-folder/export-folder.ts';
import { NotedAnswers } from '../../src/export-folder/noted-answers.ts';
import type { ExportMark } from '../../src/export-folder/owner-mark.ts';
import { openDirectory } from '../../src/storage/directory/directory.ts';
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

afterEach(() => {
  hospital.faults.clear();
  hospital.journal.length = 0;
});

const answer = (status: number, body = '') => ({ kind: 'answer', status, body }) as const;
const outcome = (text: string) => operationOutcome({ severity: 'error', code: 'processing', text });

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

  test('has each answer that refused a kick-off or failed a poll, once', async () => {
    hospital.faults.add({ route: 'kickOff', times: 2, do: answer(503, 'see https://fhir.example/why?sig=secret2') });
    hospital.faults.add({ route: 'status', do: answer(503, outcome('busy').replace('processing', 'transient')) });
    hospital.faults.add({ route: 'status', skip: 1, do: { kind: 'drop' } });
    hospital.faults.add({ route: 'status', skip: 2, do: answer(429) });
    const { location } = await stack.run({ parameters: { _type: 'Patient' } });
    const rows = await readLog(location);
    expectSoundRows(rows);
    expect(
      rows
        .map(({ eventId, eventDetail: { errorCode, code } }) => [eventId, errorCode === undefined ? code : errorCode])
        .slice(0, 8),
    ).toEqual([
      ['kickoff', 503],
      ['kickoff', 503],
      ['kickoff', null],
      ['status_error', 503],
      ['status_error', null],
      ['status_error', 429],
      ['status_complete', undefined],
      ['status_page_complete', undefined],
    ]);
    expect(rows[0]?.eventDetail).toMatchObject({ errorBody: 'see https://fhir.example/why?…', logVersion: '2' });
    expect(rows[3]?.eventDetail).toMatchObject({ message: 'HTTP 503', body: 'error/transient: busy' });
    const times = rows.slice(0, 7).map(({ timestamp }) => Date.parse(timestamp));
    expect([...times].sort((a, b) => a - b)).toEqual(times);
    await expectExactFiles(location, hospital);
  });

  test('is there when the server has refused the kick-off, and gives way to that of another request', async () => {
    hospital.faults.add({ route: 'kickOff', times: Infinity, do: answer(400, outcome('Patient/4711 is not ours')) });
    const destination = { path: 'refused' };
    const location = `${stack.folder}/refused`;
    const group = { level: 'group', groupId: 'diabetes', destination } as const;
    expect((await stack.fail(group)).code).toBe('KickOffRejected');
    const first = await readLog(location);
    expectSoundRows(first);
    expect(first).toMatchObject([
      {
        eventId: 'kickoff',
        eventDetail: {
          exportUrl: `${hospital.baseUrl}/Group/diabetes/$export`,
          errorCode: 400,
          errorBody: 'error/processing: Patient/4711 is not ours',
        },
      },
    ]);
    // Who may be quoted depends on who was asked for.
    const patients = { level: 'patient', parameters: { patient: ['Patient/4711'] }, destination } as const;
    expect((await stack.fail(patients)).code).toBe('KickOffRejected');
    const second = await readLog(location);
    expectSoundRows(second);
    expect(second).toMatchObject([{ eventId: 'kickoff', eventDetail: { errorCode: 400, errorBody: null } }]);
    expect(second[0]?.exportId).not.toBe(first[0]?.exportId);
    hospital.faults.clear();
    const report = await stack.run({ ...group, parameters: { _type: 'Condition' } });
    expect(report.warnings).toEqual([]);
    expect((await readLog(location)).filter(({ eventId }) => eventId === 'kickoff')).toHaveLength(1);
  });

  test.each([
    ['ExportFailed', answer(500, outcome('the job broke')), { code: 500, body: 'error/processing: the job broke' }],
    ['ExportGone', answer(410), { code: 410, body: null }],
    ['ServerUnavailable', answer(503), { code: 503, body: null }],
  ] as const)('is there when an export ends as %s', async (code, fault, eventDetail) => {
    hospital.faults.add({ route: 'status', times: Infinity, do: fault });
    expect((await stack.fail({ destination: { path: code } })).code).toBe(code);
    const rows = await readLog(`${stack.folder}/${code}`);
    expectSoundRows(rows);
    expect(rows[0]).toMatchObject({ eventId: 'kickoff', eventDetail: { errorCode: null } });
    expect(rows.at(-1)).toMatchObject({ eventId: 'status_error', eventDetail });
    expect(rows).toHaveLength(1 + hospital.journal.filter(({ route }) => route === 'status').length);
  });

  test('of a complete export is left alone by an answer that comes late', async () => {
    const { location } = await stack.run({ parameters: { _type: 'Patient' }, destination: { path: 'late' } });
    const before = await readLog(location);
    const { mark } = JSON.parse(await readFile(`${location}/.export/export.json`, 'utf8')) as ExportMark;
    const ref = { server: 'hospital', destination: 'local', path: 'late', mark, generation: 1 };
    await (await ExportFolder.open(stack.config, ref)).note({ to: 'poll', status: 503, detail: 'HTTP 503' });
    expect(await readLog(location)).toEqual(before);
  });

  test('has the first and the latest answers of very many', async () => {
    const folder = await openDirectory(stack.folder, 'many');
    const there = Array.from({ length: 500 }, (_, time) => ({ to: 'poll', time, message: 'ECONNRESET' }));
    await folder.write('.export/answers.json', JSON.stringify(there));
    const answers = new NotedAnswers(folder);
    await answers.add({ to: 'poll', status: 503, detail: 'HTTP 503' }, true);
    const kept = await answers.all();
    expect(kept).toHaveLength(500);
    expect([kept[99]?.time, kept[100]?.time]).toEqual([99, 101]);
    expect(kept.at(-1)).toMatchObject({ status: 503, message: 'HTTP 503' });
  });
});
