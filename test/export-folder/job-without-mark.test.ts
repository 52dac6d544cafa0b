import { expect, test } from 'vitest';
import type { Job } from '../../src/export-folder/job-record.ts';
import { JobRecord } from '../../src/export-folder/job-record.ts';
import type { ExportMark } from '../../src/export-folder/owner-mark.ts';
import { readMark } from '../../src/export-folder/owner-mark.ts';
import { takeFolder } from '../../src/export-folder/take-folder.ts';
import type { Folder } from '../../src/storage/folder.ts';
import { describeEachKind, folder, kind, path } from '../storage/each-kind.ts';

const JOB: Job = { generation: 1, unanswered: 0, separateStatus: false, partial: false, warnings: [] };
const ACCEPTED: Job = { ...JOB, statusUrl: 'https://fhir.example.org/jobs/1' };

const take = (where: Folder, id: string): Promise<ExportMark> =>
  takeFolder(where, {
    requestHash: 'same',
    seriesHash: 'same',
    owner: { workflowId: id, firstRunId: id, runId: id },
    baseUrl: 'https://fhir.example.org/r4',
    isRunning: async () => true,
  });

const refusal = (why: string): object => ({ code: 'DestinationNotEmpty', message: expect.stringContaining(why) });

describeEachKind('a folder with a job and no mark', () => {
  test.each([
    ['was accepted', ACCEPTED],
    ['may have been started', { ...JOB, unanswered: 1 }],
  ])('is not taken when the job %s: nothing says of which request', async (_, job) => {
    await new JobRecord(folder).save(job);
    await expect(take(folder, 'one')).rejects.toMatchObject(refusal('put .export/export.json back'));
    expect(await readMark(folder)).toBeUndefined();
  });

  test('is taken when the job is gone for good', async () => {
    await new JobRecord(folder).save({ ...ACCEPTED, deleted: true });
    expect(await take(folder, 'one')).toEqual(await readMark(folder));
  });

  test('belongs to the run that has begun the job while another one looked', async () => {
    const list = folder.list.bind(folder);
    let first: ExportMark | undefined;
    folder.list = async (name) => {
      const names = await list(name);
      const other = await kind.open(path);
      first ??= await take(other, 'first');
      await new JobRecord(other).save({ ...JOB, unanswered: 1 });
      return names;
    };
    await expect(take(folder, 'second')).rejects.toMatchObject(refusal('in use by the running export first'));
    expect((await readMark(folder))?.mark).toBe(first?.mark);
  });
});
