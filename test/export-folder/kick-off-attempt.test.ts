import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { JobRecord } from '../../src/export-folder/job-record.ts';
import { KickOffAttempt } from '../../src/export-folder/kick-off-attempt.ts';
import { openDirectory } from '../../src/storage/directory/directory.ts';

let root: string;
let record: JobRecord;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'kick-off-attempt-'));
  record = new JobRecord(await openDirectory(root, 'export'));
});
afterEach(() => rm(root, { recursive: true }));

test('what was left out of a request is not forgotten when the worker dies before it has read all of the answer', async () => {
  const leftOut = { code: 'ParameterIgnored', message: '_outputFormat was left out' } as const;
  const attempt = await KickOffAttempt.find(record, 1);
  await attempt.begin(false);
  const answer = { statusUrl: 'http://127.0.0.1/status/1', separateStatus: false };
  const dying = attempt.accept(answer, [leftOut], () => Promise.reject(new Error('killed')));
  await expect(dying).rejects.toThrow('killed');
  expect((await KickOffAttempt.find(record, 1)).accepted?.warnings).toEqual([leftOut]);
});
