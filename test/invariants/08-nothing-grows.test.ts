import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ExportReport, ExportRequest } from '../../src/contract.ts';
import type { GivenServer } from '../support/given-server.ts';
import { givenPage, startGivenServer } from '../support/given-server.ts';
import { SHORT_LIMITS } from '../support/short-limits.ts';
import type { Stack } from '../support/stack.ts';
import { failureOf, quiet, serverEntry, startStack } from '../support/stack.ts';

let stack: Stack;
let given: GivenServer;

beforeAll(async () => {
  quiet();
  given = await startGivenServer();
  stack = await startStack({
    servers: {},
    workers: false,
    limits: { ...SHORT_LIMITS, manifestPages: 20, manifestFiles: 30 },
  });
  stack.config.servers['given'] = serverEntry(given.origin);
  stack.config.servers['strict'] = serverEntry(given.origin, { checks: 'full' });
  await stack.startWorkers();
});
afterAll(async () => {
  await stack.close();
  await given.close();
});
beforeEach(() => {
  given.pages = [];
  given.pagesForEver = false;
  given.files = {};
  given.asked = [];
});

const run = (): Promise<ExportReport> => stack.run({ server: 'given' });

/** What a failed export says, and all that its history holds. */
async function fail(request: Partial<ExportRequest>): Promise<{ code: string; message: string; history: string }> {
  const started = await stack.start(request);
  const failure = await failureOf(started.result());
  const history = await started.handle.fetchHistory();
  return { ...failure, history: JSON.stringify(history) };
}

describe('invariant 8: nothing grows without bound', () => {
  describe('what a server can make grow is bounded', () => {
    test('pages', async () => {
      given.pages = [givenPage({})];
      given.pagesForEver = true;
      expect(await fail({ server: 'given' })).toMatchObject({
        code: 'InvalidManifest',
        message: 'InvalidManifest: it has more than 20 pages',
      });
    });

    test('files, over all pages', async () => {
      const output = Array.from({ length: 10 }, () => ({ type: 'Patient', url: '/patients' }));
      given.pages = [givenPage({ output }), givenPage({ output }), givenPage({ output, error: [{ url: '/error' }] })];
      expect(await fail({ server: 'given' })).toMatchObject({
        code: 'InvalidManifest',
        message: 'InvalidManifest: it names more than 30 files',
      });
      given.pages.pop();
      given.files = { patients: '' };
      expect(await run()).toMatchObject({ files: 20 });
    });

    test('types of deletions', async () => {
      const entry = Array.from({ length: 5000 }, (_, n) => {
        const name = String(n).replaceAll(/\d/g, (digit) => 'abcdefghij'.charAt(Number(digit)));
        return { request: { method: 'DELETE', url: `T${name}/1` } };
      });
      const patient = { request: { method: 'DELETE', url: 'Patient/1' } };
      given.pages = [givenPage({ deleted: [{ type: 'Bundle', url: '/deleted' }] })];
      given.files = { deleted: JSON.stringify({ resourceType: 'Bundle', entry: [...entry, patient, patient] }) };
      const { deletions } = await run();
      expect(Object.keys(deletions)).toHaveLength(102);
      expect(deletions).toMatchObject({ Patient: 2, unknown: 4900 });
    });
  });
});
