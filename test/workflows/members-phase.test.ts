import { ApplicationFailure } from '@temporalio/common';
import { ChildWorkflowFailure } from '@temporalio/workflow';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { FindMembersInput, FindMembersResult } from '../../src/activities/find-members.ts';
import type { KeepMembersInput } from '../../src/activities/keep-members.ts';
import type { ExportReport, ExportRequest } from '../../src/contract.ts';
import { LIMITS } from '../../src/policy/limits.ts';
import { parseDuration } from '../../src/fhir/duration.ts';
import type { ExportRun } from '../../src/workflows/export-run.ts';
import { membersPhase } from '../../src/workflows/members-phase.ts';
import type { MembersState } from '../../src/workflows/state.ts';
import { newState } from '../../src/workflows/state.ts';

/** Activities and children by hand; no time passes but by waits. */
const { children, activities, ends } = vi.hoisted(() => ({
  children: [] as { workflowId: string; args: [ExportRequest] }[],
  /** How the children end, in turn. */
  ends: [] as (Partial<ExportReport> | Error)[],
  activities: {
    findMembers: vi.fn<(input: FindMembersInput) => Promise<FindMembersResult>>(),
    keepMembers: vi.fn<(input: KeepMembersInput) => Promise<object>>(),
  },
}));
vi.mock('@temporalio/workflow', async (original) => ({
  ...(await original<object>()),
  workflowInfo: () => ({ workflowId: 'nightly', firstExecutionRunId: 'first run' }),
  executeChild: (_type: string, child: (typeof children)[number]) => {
    children.push(child);
    const end = ends.shift();
    return end instanceof Error ? Promise.reject(end) : Promise.resolve(end);
  },
}));
vi.mock('../../src/workflows/activity-options.ts', () => ({ step: () => activities }));

const NOW = 1_800_000_000_000;
const DAY = 24 * 3_600_000;
const WHOLE: Partial<ExportReport> = { status: 'complete', warnings: [], location: '/exports/additional' };
const fails = (code: string): Error =>
  new ChildWorkflowFailure(
    'default',
    { workflowId: 'child', runId: 'run' },
    'bulkExport',
    'RETRY_POLICY_NOT_SET',
    ApplicationFailure.create({ type: code, message: `${code}: Patient/pat-1 is no member` }),
  );

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: NOW });
  children.length = ends.length = 0;
  activities.findMembers.mockReset().mockResolvedValue({ kind: 'found', ask: 'patients', gained: 1 });
  activities.keepMembers.mockReset().mockImplementation(({ report }) => Promise.resolve(report));
});
afterEach(() => vi.useRealTimers());

/** Runs the phase; gives what it has found, and until when it has waited. */
async function bring(deadline = NOW + 30 * DAY): Promise<MembersState & { warnings: string[]; waits: number[] }> {
  const state = newState(NOW);
  const members: MembersState = {};
  const waits: number[] = [];
  const run = {
    request: { server: 'hospital', level: 'group', groupId: 'diabetes', incremental: {} },
    state,
    job: state.job,
    opened: { ref: { destination: 'local', path: 'nightly' } },
    limits: LIMITS,
    deadline,
    steering: {
      isHeld: false,
      get clock() {
        return Date.now();
      },
    },
    tokens: { use: (act: (token: object) => unknown) => act({}) },
    enter: () => {},
    stands: () => {},
    waitUntil: (time: number) => {
      waits.push(time);
      vi.setSystemTime(time);
      return Promise.resolve();
    },
  };
  await membersPhase(run as unknown as ExportRun, members);
  return { ...members, waits, warnings: state.warnings.map(({ message }) => message) };
}

test.each([
  ['half of the time that is left', 4 * DAY, 2 * DAY],
  ['a week at the most', 30 * DAY, 7 * DAY],
])('an additional export has %s, so that the main one comes', async (_what, left, own) => {
  ends.push(fails('DeadlineExceeded'));
  const { warnings, isWhole } = await bring(NOW + left);
  expect(children.map(({ args: [{ deadline }] }) => parseDuration(deadline as string))).toEqual([own]);
  expect([isWhole, warnings.length]).toEqual([false, 1]);
});

test('a Group that is not there is waited for an hour, whatever it says', async () => {
  activities.findMembers.mockImplementation(({ unreadable }) =>
    Promise.resolve(
      unreadable === undefined
        ? { kind: 'trouble', detail: 'HTTP 503', retryAfter: DAY }
        : { kind: 'found', ask: 'none', why: unreadable },
    ),
  );
  const { waits } = await bring();
  expect(Math.max(...waits)).toBe(NOW + LIMITS.tokenEndpoint);
  expect(activities.findMembers.mock.lastCall?.[0].unreadable).toBe('HTTP 503');
});

test.each(['KickOffRejected', 'KickOffUnknown', 'ExportFailed'])(
  'where naming the new ones may be why it failed, all members are brought: %s',
  async (code) => {
    ends.push(fails(code), WHOLE);
    const { isWhole, report } = await bring();
    expect(isWhole).toBe(true);
    expect(report).toEqual({ gained: 1, brought: { workflowId: 'nightly.all-members', location: WHOLE.location } });
  },
);

test.each(['AuthorizationFailed', 'DestinationFailed', 'ServerUnavailable'])(
  'where it failed for another reason, it is not tried again: %s; and no words of the failure are kept',
  async (code) => {
    ends.push(fails(code));
    const { isWhole, warnings } = await bring();
    expect([isWhole, children.length]).toEqual([false, 1]);
    expect(warnings.join()).toContain(`nightly.new-members: ${code}`);
    expect(warnings.join()).not.toContain('pat-1');
  },
);

test('what the first export has brought is named, also when that of all members fails', async () => {
  const warnings = [{ code: 'ParameterIgnored', message: 'patient' } as const];
  ends.push({ ...WHOLE, status: 'complete-with-issues', warnings }, fails('ServerUnavailable'));
  const { isWhole, report } = await bring();
  expect(isWhole).toBe(false);
  expect(report?.brought).toEqual({ workflowId: 'nightly.new-members', location: WHOLE.location });
});
