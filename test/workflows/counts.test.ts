import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ExportRequest } from '../../src/contract.ts';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

let stack: Stack;

beforeAll(async () => {
  const common = { patients: 10, linesPerFile: 50, pollsUntilReady: 0, retryAfter: '1' };
  stack = await startStack({
    servers: {
      hospital: common,
      talkative: { ...common, messages: [{ severity: 'information', code: 'informational', text: 'All is well' }] },
    },
  });
});
afterAll(() => stack.close());

async function expectAgreement(request: Partial<ExportRequest>): Promise<void> {
  const started = await stack.start(request);
  const { resources, bytes } = await started.result();
  expect(resources).toBeGreaterThan(0);
  expect(await started.progress()).toMatchObject({ resources, bytes });
}

test('progress and report agree on an organised export, whose block headers are no resources', async () => {
  await expectAgreement({ server: 'hospital', parameters: { organizeOutputBy: 'Patient' } });
});

test('progress and report agree where files of the server’s messages or of deletions come along', async () => {
  await expectAgreement({ server: 'talkative' });
  const { transactionTime } = await stack.run({ server: 'hospital' });
  (stack.servers['hospital'] as SampleServer).change({ updated: 2, deleted: 1 });
  await expectAgreement({ server: 'hospital', parameters: { _since: transactionTime } });
});
