import type { TestProject } from 'vitest/node';
import { findTemporalCli } from '../../src/temporal-server/cli.ts';
import { findTestServer } from '../../dev/temporal/test-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of the Temporal CLI. */
    temporalCli: string;
    /** Path of the time-skipping test server; empty where it cannot be had. */
    testServer: string;
  }
}

/** Finds the Temporal servers once for the whole run. */
export async function setup(project: TestProject): Promise<void> {
  project.provide('temporalCli', await findTemporalCli(console.log));
  project.provide('testServer', await testServerIfAny());
}

async function testServerIfAny(): Promise<string> {
  try {
    return await findTestServer(console.log);
  } catch (error) {
    if (process.env['CI'] !== undefined) throw error;
    console.warn(
      `${(error as Error).message}\n*** TESTS OF LONG RUNS ARE SKIPPED: there is no Temporal test server. ***`,
    );
    return '';
  }
}
