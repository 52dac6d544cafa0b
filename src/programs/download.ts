import { TestWorkflowEnvironment } from '@temporalio/testing';

// A program of its own: `node download.js <program> <folder> <version>` leaves the program as the only file in the
// folder. The package downloads a program only in order to start it.
const [program, downloadDir, version] = process.argv.slice(2);
if (downloadDir === undefined || version === undefined) {
  throw new Error('usage: download.js temporal-cli|temporal-test-server <folder> <version>');
}

try {
  const server = { executable: { type: 'cached-download', downloadDir, version } } as const;
  const environment = await (program === 'temporal-cli'
    ? TestWorkflowEnvironment.createLocal({ server })
    : TestWorkflowEnvironment.createTimeSkipping({ server }));
  await environment.teardown();
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
