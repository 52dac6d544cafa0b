import { afterAll, vi } from 'vitest';

/** Before each file that shares its process with others: what it changes in that process does not outlive it. */
const env = { ...process.env };
afterAll(() => {
  vi.unstubAllEnvs();
  vi.useRealTimers();
  for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name];
  Object.assign(process.env, env);
  // What tests share has state of its own, such as folders that are removed in the end. Modules in dist/ stay.
  vi.resetModules();
});
