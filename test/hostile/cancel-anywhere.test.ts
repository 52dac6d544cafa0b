import { afterAll, beforeAll, expect, test } from 'vitest';
import { BUNDLE } from '../support/stack.ts';
import type { Case, FileCase } from './case.ts';
import { judge } from './oracle/judge.ts';
import { Simulator } from './simulate/simulate-case.ts';

const FILE: FileCase = {
  kind: 'output',
  type: 'Patient',
  lines: 3,
  padding: 0,
  longLine: 0,
  newlineAtEnd: true,
  changes: [],
  alternates: false,
  validator: 'strong',
  ranges: 'honoured',
  ifRange: 'honoured',
  unasked206: false,
  coding: 'never',
  length: 'right',
  count: 'right',
  troubles: [{ kind: 'break', at: 0.5 }],
  takes: 0,
};

const PLAIN: Case = {
  level: 'system',
  types: [],
  filters: [],
  attachments: 'raw',
  method: 'auto',
  workers: 1,
  slots: 1,
  reads: 'smart',
  compresses: false,
  kickOff: [],
  status: [{ status: 202, body: 'none' }],
  perPage: 1000,
  organised: false,
  needsToken: true,
  token: { refuses: 'none', lifetime: 3600, troubles: [] },
  links: { said: false, refusal: 403, renewal: 'signed anew', reordered: false },
  files: [FILE, { ...FILE, type: 'Condition' }],
  deletion: 202,
  interventions: { pollNow: [] },
};

let simulator: Simulator;

beforeAll(async () => {
  simulator = await Simulator.open(BUNDLE);
});
afterAll(async () => {
  await simulator.close();
});

// A cancel may come in one task with any result: with the plan of downloads every batch was started for ever.
test('a cancel ends an export at whatever step it comes', { timeout: 60_000 }, async () => {
  const endings: string[] = [];
  for (const slots of [1, 4]) {
    for (let cancelAt = 1; endings.at(-1) !== 'complete'; cancelAt++) {
      const evidence = await simulator.run({ ...PLAIN, slots, interventions: { pollNow: [], cancelAt } });
      expect(judge(evidence), `cancelled at step ${cancelAt} with ${slots} slots`).toEqual([]);
      endings.push(evidence.ending.kind);
    }
    expect(endings.splice(0).slice(0, -1)).toEqual(expect.arrayContaining(['cancelled']));
  }
});
