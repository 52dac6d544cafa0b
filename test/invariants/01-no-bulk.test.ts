import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import { operationOutcome } from '../../dev/sample-server/index.ts';
import { runsOf } from '../support/runs.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';
import { payloadsOf } from './steps-of-history.ts';

/** Bytes that no input, result, failure or state in a history reaches. */
const LARGEST = 64 * 1024;

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({
    servers: {
      large: { patients: 40, linesPerFile: 1, pollsUntilReady: 1, retryAfter: '', gzip: false },
      talkative: { patients: 3, pollsUntilReady: 0 },
    },
  });
});
afterAll(() => stack.close());

const server = (name: string) => stack.servers[name] as SampleServer;

/** The largest payload of all runs of an export. */
async function largestPayload(workflowId: string): Promise<number> {
  const payloads = (await runsOf(stack.client, workflowId)).flatMap(payloadsOf);
  expect(payloads.length).toBeGreaterThan(3);
  return Math.max(...payloads.map(({ length }) => length));
}

describe('invariant 1: history holds no secret and no bulk', () => {
  test('no payload grows with the files of an export', async () => {
    const { files } = await stack.run({ server: 'large' }, 'large');
    expect(files).toBeGreaterThan(800);
    expect(await largestPayload('large')).toBeLessThan(LARGEST / 4);
  });

  test('no payload grows with the files that are missing', async () => {
    const refused = { kind: 'answer', status: 400, body: 'x'.repeat(10_000) } as const;
    server('large').faults.add({ route: 'file', times: Infinity, do: refused });
    await expect((await stack.start({ server: 'large' }, 'missing')).result()).rejects.toMatchObject({
      cause: { type: 'IncompleteExport', message: expect.stringMatching(/^.{100,5000}$/s) },
    });
    expect(await largestPayload('missing')).toBeLessThan(LARGEST / 2);
  });

  test('no payload grows with the words of a server', async () => {
    const body = operationOutcome({ severity: 'error', code: 'processing', text: 'words '.repeat(200_000) });
    for (const [route, code] of [
      ['kickOff', 'KickOffRejected'],
      ['status', 'ExportFailed'],
    ] as const) {
      server('talkative').faults.clear();
      server('talkative').faults.add({ route, do: { kind: 'answer', status: 400, body } });
      await expect((await stack.start({ server: 'talkative' }, code)).result()).rejects.toMatchObject({
        cause: { type: code, message: expect.stringContaining('words words') },
      });
      expect(await largestPayload(code)).toBeLessThan(4096);
    }
  });

  test('no payload grows with what a server calls its progress', async () => {
    const headers = { 'X-Progress': 'words '.repeat(2000), 'Retry-After': '1' };
    server('talkative').faults.clear();
    server('talkative').faults.add({ route: 'status', do: { kind: 'answer', status: 202, headers } });
    await stack.run({ server: 'talkative' }, 'progress');
    expect(await largestPayload('progress')).toBeLessThan(16_384);
  });
});
