import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noteInLog } from '../../src/export-folder/export-log.ts';
import type { AcceptedJob } from '../../src/export-folder/job-record.ts';
import { JobRecord } from '../../src/export-folder/job-record.ts';
import { KickOffAttempt } from '../../src/export-folder/kick-off-attempt.ts';
import { FILES } from '../../src/export-folder/layout.ts';
import { ManifestPages } from '../../src/export-folder/manifest-pages.ts';
import { NotedAnswers } from '../../src/export-folder/noted-answers.ts';
import { openDirectory } from '../../src/storage/directory/directory.ts';
import type { Folder } from '../../src/storage/folder.ts';

let root: string;
let folder: Folder;
let record: JobRecord;
let answers: NotedAnswers;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'kick-off-attempt-'));
  folder = await openDirectory(root, 'export');
  record = new JobRecord(folder);
  answers = new NotedAnswers(folder);
});
afterEach(() => rm(root, { recursive: true }));

test('what was left out of a request is not forgotten when the worker dies before it has read all of the answer', async () => {
  const leftOut = { code: 'ParameterIgnored', message: '_outputFormat was left out' } as const;
  const attempt = await KickOffAttempt.find(record, 1);
  await attempt.begin(false, 'run-1');
  const answer = { statusUrl: 'http://127.0.0.1/status/1', separateStatus: false };
  const dying = attempt.accept(answer, [leftOut], () => Promise.reject(new Error('killed')));
  await expect(dying).rejects.toThrow('killed');
  expect((await KickOffAttempt.find(record, 1)).accepted?.warnings).toEqual([leftOut]);
});

test("the server's time before it was asked is known, but not after an answer was lost", async () => {
  const accept = async (generation: number, answers: number): Promise<string | undefined> => {
    let attempt = await KickOffAttempt.find(record, generation);
    await attempt.begin(false, 'run-1');
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

describe('a job that follows on an earlier one', () => {
  const FILE = 'Patient.00001.ndjson';
  const answer = (job: number) => ({ statusUrl: `http://127.0.0.1/status/${job}`, separateStatus: false });
  const log = { parameters: {}, quotes: true };
  const begin = async (generation: number, run: string): Promise<KickOffAttempt> => {
    const attempt = await KickOffAttempt.find(record, generation);
    await attempt.begin(false, run);
    return attempt;
  };
  const acceptAs = (attempt: KickOffAttempt, job: number) => attempt.accept(answer(job), [], () => Promise.resolve([]));

  beforeEach(async () => {
    await acceptAs(await begin(1, 'run-1'), 1);
    await folder.write(FILE, 'of job 1');
  });

  test('leaves its files until the server has accepted it', async () => {
    const attempt = await begin(2, 'run-2');
    expect(await folder.size(FILE)).toBe(8);
    const job = await acceptAs(attempt, 2);
    await attempt.removeEarlier(job);
    expect(await folder.size(FILE)).toBeUndefined();
    expect(await record.read()).toMatchObject({ generation: 2, statusUrl: answer(2).statusUrl });
    expect(await record.read()).not.toHaveProperty('earlier');
  });

  test('keeps what was intended and answered for it, and nothing of what was for the earlier one', async () => {
    const logged = { job: record, pages: new ManifestPages(folder, FILES.pages), answers, mark: 'run-2' };
    const refuse = (status: number) => noteInLog(folder, logged, { to: 'kickOff', status, detail: `HTTP ${status}` });
    await refuse(503);
    const attempt = await begin(2, 'run-2');
    await attempt.intend({ url: 'http://127.0.0.1/$export', capability: undefined, log });
    await attempt.forgetIntent();
    await refuse(429);
    await attempt.intend({ url: 'http://127.0.0.1/$export', capability: undefined, log });
    await attempt.removeEarlier(await acceptAs(attempt, 2));
    expect(await answers.all()).toEqual([expect.objectContaining({ status: 429 })]);
    expect((await folder.list(FILES.intents)).sort()).toEqual(['2.1', '2.2', '2.cleared']);
    expect(await folder.size(FILE)).toBeUndefined();
  });

  test('gives way to it when the server has not accepted it and its run has ended', async () => {
    await begin(2, 'run-2');
    await record.restoreEarlier('run-2');
    expect((await record.read())?.statusUrl).toBeUndefined();
    await record.restoreEarlier('run-3');
    expect(await record.read()).toMatchObject({ generation: 2, statusUrl: answer(1).statusUrl });
    expect((await KickOffAttempt.find(record, 2)).accepted).toBeDefined();
    // And then has a number of its own, under which nothing is intended yet.
    const again = await begin(3, 'run-3');
    expect(await again.intend({ url: 'http://127.0.0.1/$export', capability: undefined })).toEqual({ kind: 'send' });
    expect(again.warnings.map(({ code }) => code)).toEqual(['JobRestarted']);
  });

  test('does not give way when it may be running', async () => {
    const attempt = await begin(2, 'run-2');
    await attempt.intend({ url: 'http://127.0.0.1/$export', capability: undefined });
    await record.restoreEarlier('run-3');
    expect((await record.read())?.statusUrl).toBeUndefined();
    expect((await KickOffAttempt.find(record, 2)).isInDoubt).toBe(true);
  });

  test('has its own files removed by no attempt that wakes up late', async () => {
    const late = await begin(2, 'run-2');
    const job = await acceptAs(late, 2);
    const next = await KickOffAttempt.find(record, 2);
    await next.removeEarlier(next.accepted as AcceptedJob);
    await folder.write(FILE, 'of job 2');
    // Frozen before it could save the warnings of the answer.
    await record.save(job);
    await late.removeEarlier(job);
    expect((await folder.read(FILE))?.toString()).toBe('of job 2');
  });
});
