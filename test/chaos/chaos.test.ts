import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { newFigures } from './figures.ts';
import { FAULT_KINDS, planRound } from './plan.ts';
import { runRound } from './round.ts';
import type { Base } from './stack.ts';
import { startBase } from './stack.ts';

/** The short form of `npm run chaos`: few rounds, which have every kind of fault between them. */
const SEEDS = [96596, 11426];
const LANES = 4;

let base: Base;
let failed = false;

beforeAll(async () => {
  base = await startBase(await mkdtemp(join(tmpdir(), 'chaos-test-')), inject('temporalCli'));
});
afterAll(async () => {
  await base.close();
  if (!failed) await rm(base.folder, { recursive: true });
});

describe('plans', () => {
  test('are the same for the same seed, and others for others', () => {
    expect(planRound(7)).toEqual(planRound(7));
    expect(planRound(7)).not.toEqual(planRound(8));
  });

  test('of the seeds of this file have every kind of fault', () => {
    const kinds = SEEDS.flatMap((seed) => planRound(seed, LANES).faults.map(({ kind }) => kind));
    expect(new Set(kinds)).toEqual(new Set(FAULT_KINDS));
  });
});

test.each(SEEDS)('exports go on while everything around them breaks: seed %i', { timeout: 240_000 }, async (seed) => {
  const { problems, injected, folder } = await runRound(planRound(seed, LANES), base, newFigures());
  failed ||= problems.length > 0;
  expect(problems, `kept in ${folder}`).toEqual([]);
  // Those whose time comes after the end of their export are left out.
  expect(injected.length).toBeGreaterThan(planRound(seed, LANES).faults.length / 2);
});
