import { beforeEach, expect, test, vi } from 'vitest';
import { failure } from '../../src/workflows/failure.ts';
import { isUseless } from '../../src/workflows/stop.ts';

interface Info {
  workflowId: string;
  parent?: { workflowId: string };
}
const { known, info } = vi.hoisted(() => ({ known: { keeps: true }, info: { workflowId: 'nightly' } as Info }));
vi.mock('@temporalio/workflow', async (original) => ({
  ...(await original<object>()),
  patched: (id: string) => known.keeps || !['keep-what-none-follows', 'additional-exports-keep-no-job'].includes(id),
  workflowInfo: () => info,
}));
beforeEach(() => {
  known.keeps = true;
  Object.assign(info, { workflowId: 'nightly', parent: undefined });
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

test.each([
  ['nightly.new-members', 'nightly', true],
  ['nightly.all-members', 'nightly', true],
  ['first-run.new-members', 'n'.repeat(201), true],
  ['nightly.new-members', 'pipeline', false],
  ['nightly.new-members', undefined, false],
])('the job of an additional export is of no use when it has failed: %s of %s', (workflowId, parent, isUse) => {
  Object.assign(info, { workflowId, parent: parent === undefined ? undefined : { workflowId: parent } });
  expect(isUseless(withJob(), failure('IncompleteExport', ''))).toBe(isUse);
  expect(isUseless(withJob({ job: { accepted: false } }), failure('KickOffRejected', ''))).toBe(false);
  known.keeps = false;
  expect(isUseless(withJob(), failure('IncompleteExport', ''))).toBe(false);
});
