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

test("the server's time before it was asked is known, but not after an answer was lost", async () => {
  const accept = async (generation: number, answers: number): Promise<string | undefined> => {
    let attempt = await KickOffAttempt.find(record, generation);
    await attempt.begin(false);
    for (let sent = 0; sent < answers; sent++) {
      attempt = await KickOffAttempt.find(record, generation);
      await attempt.intend({ url: 'http://127.0.0.1/$export', capability: undefined });
    }
    const answer = { statusUrl: 'http://127.0.0.1/status/1', separateStatus: false, date: 10_000_000 };
    return (await attempt.accept(answer, [], () => Promise.resolve([]))).begunAt;
  };
  const begunAt = Date.parse((await accept(1, 1)) ?? '');
  expect(begunAt).toBeLessThanOrEqual(10_000_000);
  expect(begunAt).toBeGreaterThan(0);
  expect(await accept(2, 2)).toBeUndefined();
});
