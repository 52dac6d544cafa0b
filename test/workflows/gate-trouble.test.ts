import { ApplicationFailure } from '@temporalio/workflow';
import { expect, test, vi } from 'vitest';
import { asked, begin, gate, grant, NOW, told } from './begin-keeper.ts';
import type { SlotKeeper } from '../../src/workflows/slot-keeper.ts';
import { LIMITS } from '../../src/policy/limits.ts';
import { progressOf } from '../../src/workflows/progress.ts';

test('people see why nothing is downloaded when the gate cannot be asked, as long as that is so', async () => {
  gate.fault = new Error('PERMISSION_DENIED');
  const { keeper, run } = begin({ turn: 1, downloading: true, slot: 'held', share: 0 });
  await told();
  expect(run.state.gate?.trouble).toBe('the gate of the server could not be asked: PERMISSION_DENIED');
  expect(run.show).toHaveBeenCalled();
  delete gate.fault;
  keeper.ask();
  await told();
  expect(run.state.gate?.trouble).toBeUndefined();
});

test('trouble with the gate leaves what is known of the job as it is', async () => {
  gate.fault = new Error('PERMISSION_DENIED');
  const { keeper, run } = begin({ turn: 1, downloading: true, slot: 'held', share: 0 });
  run.state.job.poll.detail = 'HTTP 503';
  await told();
  expect(progressOf('hospital', run.state, 0).trouble).toMatch(/PERMISSION_DENIED$/);
  delete gate.fault;
  keeper.ask();
  await told();
  expect(progressOf('hospital', run.state, 0).trouble).toBe('HTTP 503');
});

test('trouble that a run of an earlier version noted ends as well', async () => {
  const { run } = begin({ turn: 1, slot: 'wanted' });
  run.state.job.poll.detail = 'the gate of the server could not be asked for a slot: PERMISSION_DENIED';
  await told();
  expect(progressOf('hospital', run.state, 0).trouble).toBeUndefined();
});

test('one worker that does not know the server ends no limit of downloads: the gate is asked again', async () => {
  gate.fault = ApplicationFailure.create({ type: 'UnknownServer', message: 'this worker knows no server' });
  const { keeper, run } = begin({ turn: 1, slot: 'held', downloading: true, share: 2 });
  await told();
  expect([keeper.share, keeper.failure]).toEqual([2, undefined]);
  delete gate.fault;
  keeper.ask();
  await told();
  expect(asked).toHaveLength(2);
  expect(run.state.gate?.trouble).toBeUndefined();
});

test('a worker that does not know the server is not asked every few seconds because that is busy', async () => {
  gate.fault = ApplicationFailure.create({ type: 'UnknownServer', message: 'this worker knows no server' });
  const { keeper } = begin({ turn: 1, slot: 'held', downloading: true, share: 2 });
  await told();
  keeper.pressed();
  await told();
  vi.setSystemTime(NOW + LIMITS.gatePressure);
  await told();
  expect(asked.map(({ pressure }) => pressure)).toEqual([undefined, true]);
  keeper.pressed();
  vi.setSystemTime(NOW + 2 * LIMITS.gatePressure);
  await told();
  expect(asked.map(({ pressure }) => pressure)).toEqual([undefined, true, true]);
});

test('an export that waits for a slot of a server that no worker knows fails, but not by one worker', async () => {
  const fault = ApplicationFailure.create({ type: 'UnknownServer', message: 'this worker knows no server' });
  const { keeper, run } = begin({ turn: 1, slot: 'wanted' });
  const asks = async (times: number, one?: Error): Promise<void> => {
    if (one === undefined) delete gate.fault;
    else gate.fault = one;
    for (let time = 0; time < times; time++) {
      keeper.ask();
      await told();
    }
  };
  await asks(5, fault);
  expect([keeper.failure, run.state.gate?.trouble]).toEqual([undefined, expect.stringContaining('knows no server')]);
  await asks(1);
  await asks(5, fault);
  expect(keeper.failure).toBeUndefined();
  await asks(1, fault);
  expect(keeper.failure).toBe(fault);
});

test('after its clock was set back, an export asks again when its time has passed, and busy servers are told of', async () => {
  vi.setSystemTime(NOW + 3_600_000);
  const { keeper } = begin({ slot: 'wanted', turn: 1, downloading: true, share: 2 });
  keeper.pressed();
  await told();
  asked.length = 0;
  vi.setSystemTime(NOW);
  await told();
  vi.setSystemTime(NOW + LIMITS.gateAsk);
  await told();
  expect(asked).toHaveLength(1);
  keeper.pressed();
  vi.setSystemTime(NOW + LIMITS.gateAsk + LIMITS.gatePressure);
  await told();
  expect(asked.at(-1)?.pressure).toBe(true);
  // Nor does it ask all the time.
  expect(asked).toHaveLength(2);
});

test.each([
  ['for a slot', { slot: 'none', turn: 0 }, (keeper: SlotKeeper) => keeper.ask()],
  [
    'for one instead of that of a job that is gone',
    { slot: 'held', turn: 1, ofEarlierRun: true },
    (keeper: SlotKeeper) => keeper.jobIsGone(),
  ],
] as const)('an export that has asked twice %s, and heard nothing, says so until it hears', async (_, seat, ask) => {
  const { keeper, run } = begin(seat);
  await told();
  ask(keeper);
  await told();
  // Because somebody wants it to ask, and not because time has passed.
  keeper.ask();
  await told();
  expect(run.state.gate?.trouble).toBeUndefined();
  vi.setSystemTime(NOW + LIMITS.gateAsk);
  await told();
  expect(run.state.gate?.trouble).toMatch(/has not answered since .* fhir-bulk-export\.gate\.hospital$/);
  keeper.take(grant({ turn: NOW + LIMITS.gateAsk, place: 1, waiting: 1 }));
  expect(run.state.gate?.trouble).toBeUndefined();
  vi.setSystemTime(NOW + 2 * LIMITS.gateAsk);
  await told();
  expect(run.state.gate?.trouble).toBeUndefined();
});
