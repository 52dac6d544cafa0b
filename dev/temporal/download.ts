import { TestWorkflowEnvironment } from '@temporalio/testing';

// A program of its own: `node download.js <folder> <version>` leaves the Temporal CLI as the only file in the folder.
const [downloadDir, version] = process.argv.slice(2);
if (downloadDir === undefined || version === undefined) throw new Error('usage: download.js <folder> <version>');

try {
  // The package downloads only on the way to a running server.
  const environment = await TestWorkflowEnvironment.createLocal({
    server: { executable: { type: 'cached-download', downloadDir, version } },
  });
  await environment.teardown();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
