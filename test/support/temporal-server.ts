import type { TestProject } from 'vitest/node';

import { findTemporalCli } from '../../dev/temporal/cli.ts';
import { startTemporalServer } from '../../dev/temporal/server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** gRPC address of the development server that all test files share, as `host:port`. */
    temporalAddress: string;
    /** Base of its HTTP API. */
    temporalHttpUrl: string;
    /** Path of the Temporal CLI. */
    temporalCli: string;
  }
}

/** Starts one Temporal development server, in memory, for the whole run. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const cli = await findTemporalCli(console.log);
  const server = await startTemporalServer({ cli, ports: 'free', headless: true });
  project.provide('temporalAddress', server.address);
  project.provide('temporalHttpUrl', server.httpUrl);
  project.provide('temporalCli', cli);
  return () => server.stop();
}
