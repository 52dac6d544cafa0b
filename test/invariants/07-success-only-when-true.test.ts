import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Fault, Manifest, SampleServer } from '../../dev/sample-server/index.ts';
import { expectExactFiles, readLocalManifest } from '../support/exported-files.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

let stack: Stack;
let hospital: SampleServer;
let paths = 0;

beforeAll(async () => {
  const messages = [{ severity: 'warning', code: 'suppressed', text: 'withheld' } as const];
  stack = await startStack({
    servers: { hospital: { version: 3, patients: 5, pollsUntilReady: 0, retryAfter: '', messages } },
  });
  hospital = stack.servers['hospital'] as SampleServer;
  hospital.change({ deleted: 2, updated: 3 });
});
afterAll(() => stack.close());
beforeEach(() => {
  hospital.journal.length = 0;
  hospital.faults.clear();
});

/** Every reading of the manifest shows this one. */
function showManifest(transform: (manifest: Manifest) => unknown): void {
  const fault: Fault = { kind: 'transformManifest', transform };
  hospital.faults.add({ route: ['status', 'page'], times: Infinity, do: fault });
}

/** The export fails, says nothing of success anywhere, and leaves the server its files. */
async function expectIncomplete(): Promise<void> {
  const path = `incomplete-${++paths}`;
  expect(await stack.fail({ destination: { path }, parameters: { _since: '2026-01-01T00:00:00Z' } })).toMatchObject({
    code: 'IncompleteExport',
  });
  expect(await readdir(join(stack.folder, path))).not.toContain('manifest.json');
  expect(hospital.journal.some(({ route }) => route === 'delete')).toBe(false);
}

describe('invariant 7: success is said only when it is true', () => {
  test.each(['Patient', 'error', 'deleted'])('not when a file of %s cannot be fetched', async (type) => {
    const match = ({ url }: { url: string }): boolean => url.includes(`/${type}.`);
    hospital.faults.add({ route: 'file', match, times: Infinity, do: { kind: 'answer', status: 400 } });
    await expectIncomplete();
  });

  test('not when a file has a resource less than the manifest counts', async () => {
    showManifest(({ output = [], ...more }) => ({
      ...more,
      output: output.map((item, place) => (place === 0 ? { ...item, count: (item.count ?? 0) + 1 } : item)),
    }));
    await expectIncomplete();
  });

  test('not when a file of messages is no list of outcomes', async () => {
    const transform = (): string => '<html>log in</html>\n';
    const match = ({ url }: { url: string }): boolean => url.includes('/error.');
    hospital.faults.add({ route: 'file', match, times: Infinity, do: { kind: 'transformFile', transform } });
    await expectIncomplete();
  });

  test('though the counts of deleted and error files and every fileSize may be wrong', async () => {
    showManifest(({ output = [], error = [], deleted = [], ...more }) => ({
      ...more,
      output: output.map((item) => ({ ...item, fileSize: 1 })),
      error: error.map((item) => ({ ...item, count: 77 })),
      deleted: deleted.map((item) => ({ ...item, count: 77 })),
    }));
    const report = await stack.run({ parameters: { _since: '2026-01-01T00:00:00Z' } });
    expect(report).toMatchObject({ status: 'complete-with-issues', issues: [{ code: 'suppressed', count: 1 }] });
    await expectExactFiles(report.location, hospital);
  });

  test('with the transactionTime of the server, to the letter', async () => {
    const transactionTime = '2026-01-01T00:00:00.1230+05:30';
    showManifest((manifest) => ({ ...manifest, transactionTime }));
    const report = await stack.run({ parameters: { _type: 'Patient' } });
    expect(report.transactionTime).toBe(transactionTime);
    expect((await readLocalManifest(report.location)).transactionTime).toBe(transactionTime);
  });
});
