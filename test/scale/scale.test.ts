import { expect, inject, test } from 'vitest';
import { runScenario } from './scenario.ts';
import { SHORT } from './scenarios.ts';

test('many files on many pages: small histories and payloads, bounded memory, and a small export is not delayed', async () => {
  const { runs, eventsPer1000Files, smallElsewhere, smallManifest } = await runScenario(inject('temporalCli'), SHORT);
  expect(runs).toBe(1);
  expect(eventsPer1000Files).toBeLessThan(400);
  expect(smallElsewhere).toBeLessThan(15);
  expect(smallManifest).toBeLessThan(15);
}, 180_000);
