import type { Scenario } from './scenario.ts';

const URL_LENGTH = 120;

/** The short one, for every run of the tests. */
export const SHORT: Scenario = {
  name: '2,000 files on 100 pages',
  shape: { files: 2000, pages: 100, urlLength: URL_LENGTH },
  exports: 1,
  workers: 1,
  mostMemory: 800,
};

/** By the name under which `npm run scale` knows them. */
export const SCENARIOS: Record<string, Scenario> = {
  files: {
    name: '20,000 files',
    shape: { files: 20_000, pages: 1, urlLength: URL_LENGTH },
    exports: 1,
    workers: 1,
    mostMemory: 800,
  },
  pages: {
    name: '1,000 manifest pages',
    shape: { files: 5000, pages: 1000, urlLength: URL_LENGTH },
    exports: 1,
    workers: 1,
    mostMemory: 800,
  },
  manifest: {
    name: 'manifest of 50 MB',
    shape: { files: 20_000, pages: 1, urlLength: 2500 },
    exports: 1,
    workers: 1,
    mostMemory: 1200,
  },
  exports: {
    name: '50 exports at once',
    shape: { files: 200, pages: 1, urlLength: URL_LENGTH },
    exports: 50,
    workers: 2,
    mostMemory: 800,
  },
  many: {
    name: '100,000 files',
    shape: { files: 100_000, pages: 1, urlLength: URL_LENGTH },
    exports: 1,
    workers: 2,
    mostMemory: 800,
  },
};
