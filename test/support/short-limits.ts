import type { Limits } from '../../src/policy/limits.ts';
import { LIMITS } from '../../src/policy/limits.ts';

/** Limits for tests: the same rules in seconds instead of hours. */
export const SHORT_LIMITS: Limits = {
  ...LIMITS,
  backoffFloor: 50,
  backoffCeiling: 400,
  firstPoll: 40,
  outage: 3000,
  elsewhere: 1000,
  tokenEndpoint: 3000,
  newToken: 50,
  gone: 2500,
  unusable: 5000,
  file: 3000,
  fileRetry: 50,
  progress: 1500,
  freshLink: 600,
  readingFloor: 100,
  delete: 1500,
  deleteOfSlot: 20_000,
  audit: 3000,
  drain: 500,
  cleanUp: 6000,
  gateAsk: 3000,
  // The longest that a slow machine may be late by.
  gateSweep: 6000,
  refusedKept: 1500,
  refusedWait: 6000,
  gatePressure: 300,
  gateQuiet: 1000,
  gateIdle: 5000,
};
