import type { TestProject } from 'vitest/node';
import { findGateway } from '../../dev/s3/find-gateway.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of versitygw; empty when it cannot be had. */
    versitygw: string;
  }
}

/**
 * Finds the S3 gateway once for the whole run; files that need it start one of their own (0.1 s). Without it the tests
 * of S3 are skipped, which a continuous integration must not pass over.
 */
export async function setup(project: TestProject): Promise<void> {
  project.provide('versitygw', await find());
}

async function find(): Promise<string> {
  try {
    return await findGateway(console.log);
  } catch (error) {
    if (process.env['CI']) throw error;
    console.error(`\n*** THE TESTS OF S3 ARE SKIPPED ***\n${(error as Error).message}\n`);
    return '';
  }
}
