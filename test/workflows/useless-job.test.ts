import { beforeEach, expect, test, vi } from 'vitest';
import { failure } from '../../src/workflows/failure.ts';
import { isUseless } from '../../src/workflows/stop.ts';

const { known } = vi.hoisted(() => ({ known: { keeps: true } }));
vi.mock('@temporalio/workflow', async (original) => ({
  ...(await original<object>()),
  patched: (id: string) => known.keeps || id !== 'keep-what-none-follows',
}));
beforeEach(() => {
  known.keeps = true;
});

const withJob = (more: object = {}) => ({ job: { accepted: true }, jobIsThere: false, ...more }) as never;

test('a job that has failed, or has what is not allowed, is of no use', () => {
  expect(isUseless(withJob(), failure('ExportFailed', ''))).toBe(true);
  expect(isUseless(withJob(), failure('NotAllowed', ''))).toBe(true);
  expect(isUseless(withJob({ job: { accepted: false } }), failure('NotAllowed', ''))).toBe(false);
  for (const code of ['IncompleteExport', 'InvalidRequest', 'ServerUnavailable'] as const) {
    expect(isUseless(withJob(), failure(code, ''))).toBe(false);
  }
});

test("an earlier run's job that none may follow is kept, for what it still has", () => {
  expect(isUseless(withJob({ jobIsThere: true }), failure('NotAllowed', ''))).toBe(false);
});

test('runs of earlier versions deleted it, as their histories say', () => {
  known.keeps = false;
  expect(isUseless(withJob({ jobIsThere: true }), failure('NotAllowed', ''))).toBe(true);
});
