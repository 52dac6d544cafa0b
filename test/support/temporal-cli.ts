import type { TestProject } from 'vitest/node';
import { findTemporalCli } from '../../dev/temporal/cli.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of the Temporal CLI. */
    temporalCli: string;
  }
}

/** Finds the Temporal CLI once for the whole run; files that need a server start one of their own (0.3 s). */
export async function setup(project: TestProject): Promise<void> {
  project.provide('temporalCli', await findTemporalCli(console.log));
}
