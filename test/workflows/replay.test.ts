import { readdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HistoryAndWorkflowId } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAuthServer } from '../../dev/sample-server/index.ts';
import type { StartedExport } from '../../src/client.ts';
import type { ExportProgress } from '../../src/contract.ts';
import { makeKey } from '../support/keys.ts';
import { LONG_WAIT, recordFailing, recordGate, recordRefused } from './record-gate.ts';
import { HISTORIES, readHistory, recordHistory } from './record-histories.ts';
import { recordIncremental } from './record-incremental.ts';
import { recordPauses } from './record-pauses.ts';
import { replayAll } from '../support/replay.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

const saved = (await readdir(HISTORIES).catch(() => [])).filter((name) => name.endsWith('.json'));

describe('a change of workflow code does not break exports that are running: saved histories replay', () => {
  test('there are some', () => expect(saved.length).toBeGreaterThanOrEqual(5));

  let errors: (Error | undefined)[];
  beforeAll(async () => {
    const histories = await Promise.all(saved.map(readHistory));
    // With another input the workflow decides otherwise, as it would with other code.
    const other = Buffer.from('{"server":"","level":"nonsense"}').toString('base64');
    const text = JSON.stringify(histories[0]).replace(/"data":"[^"]*"/, `"data":"${other}"`);
    errors = await replayAll([...histories, JSON.parse(text) as HistoryAndWorkflowId]);
  });

  test.each(saved.map((name, index) => [name, index] as const))('%s', (_name, index) => {
    expect(errors).toHaveLength(saved.length + 1);
    expect(errors[index]).toBeUndefined();
  });

  test('a history that does not fit is found out', () => {
    expect(errors.at(-1)?.message).toMatch(/[Nn]ondeterminis|TMPRL1100/);
  });
});

const isIn = (phase: string) => (progress: ExportProgress) => progress.phase === phase;
const HOSPITAL = { patients: 20, linesPerFile: 20, pollsUntilReady: 2, retryAfter: '1' };

// Recording is asked for by hand, once for each released version: RECORD_HISTORIES=<version> npx vitest run replay
// Histories that exist are never overwritten: the version names those of one state of the code for good.
describe.runIf(process.env['RECORD_HISTORIES'] !== undefined)('recording', () => {
  let stack: Stack;
  const version = process.env['RECORD_HISTORIES'] ?? '';
  beforeAll(async () => {
    const key = await makeKey('RS384', 'rsa-1');
    const jwks = { keys: [key.publicJwk] };
    process.env['RECORDING_KEY'] = JSON.stringify(key.privateJwk);
    stack = await startStack({
      temporalArgs: ['--dynamic-config-value', 'limit.historyCount.suggestContinueAsNew=100'],
      servers: {
        hospital: HOSPITAL,
        secured: { ...HOSPITAL, authorization: createAuthServer({ jwks }) },
        gated: { ...HOSPITAL, maxJobs: 1 },
      },
      entries: {
        gated: { maxConcurrentExports: 1, deleteFreesSlot: true, maxDownloadsInAll: 4 },
        secured: { auth: { type: 'smart-backend', clientId: 'demo-client', privateKeyEnv: 'RECORDING_KEY' } },
      },
    });
  });
  afterAll(() => stack.close());

  test.each([
    ['complete', {}, []],
    [
      'polling-troubles',
      { parameters: { _type: 'Patient' } },
      [{ route: 'status', times: 3, do: { kind: 'answer', status: 503 } }],
    ],
    ['kick-off-lost', { parameters: { _type: 'Patient' } }, [{ route: 'kickOff', do: { kind: 'dropAfterEffect' } }]],
    ['links-renewed', {}, [{ route: 'file', skip: 3, do: { kind: 'expireFileUrls', status: 403 } }]],
    [
      'incomplete',
      {},
      [
        {
          route: 'file',
          match: ({ url }: { url: string }) => url.includes('Condition'),
          times: Infinity,
          do: { kind: 'answer', status: 404 },
        },
      ],
    ],
    ['attachments', { attachments: 'download', parameters: { _type: 'DocumentReference' } }, []],
    ['partial', { parameters: { allowPartialManifests: true } }, []],
    ['failed', {}, [{ route: 'status', do: { kind: 'answer', status: 413 } }]],
    ['invalid', { level: 'nonsense' }, []],
    [
      'deadline',
      { deadline: 'PT2S' },
      [{ route: 'status', times: Infinity, do: { kind: 'answer', status: 202, headers: { 'Retry-After': '60' } } }],
    ],
  ] as const)('%s', async (name, request, faults) => {
    await record(name, request, faults);
  });

  const patients = { parameters: { _type: 'Patient' } };
  const slowly = (route: string) => ({ route, times: Infinity, do: { kind: 'delay', ms: 2000 } });

  test.each([
    ['cancel-kick-off', patients, [slowly('kickOff')], isIn('kick-off')],
    ['cancel-waiting', patients, [LONG_WAIT], isIn('waiting')],
    ['cancel-downloading', patients, [slowly('file')], isIn('downloading')],
    [
      'cancel-attachments',
      { attachments: 'download', parameters: { _type: 'DocumentReference' } },
      [slowly('binary')],
      ({ attachments }: ExportProgress) => (attachments?.total ?? 0) > 0,
    ],
    ['cancel-deleting', patients, [slowly('delete')], isIn('settling')],
  ] as const)('%s', async (name, request, faults, isReady) => {
    await record(name, request, faults, async (started) => {
      await expect.poll(async () => isReady(await started.progress()), { timeout: 20_000 }).toBe(true);
      await started.cancel();
    });
  });

  // Every wait of its own accord: ended by a cancel, and by an operator.
  const later = (route: string, more: object = {}) => ({
    route,
    ...more,
    do: { kind: 'answer', status: 503, headers: { 'Retry-After': '60' } },
  });
  const waits: [string, object, object[]][] = [
    ['kick-off-again', patients, [later('kickOff')]],
    ['token-again', { server: 'secured' }, [later('token')]],
    [
      'links-again',
      {},
      [{ route: 'file', skip: 3, do: { kind: 'expireFileUrls', status: 403 } }, later('status', { skip: 3 })],
    ],
    ['files-again', patients, [later('file')]],
  ];
  test.each(
    waits.flatMap(([name, request, faults]) => [
      [`cancel-${name}`, request, faults, 'cancel'] as const,
      // Of another scope: exports of one scope share a token.
      [`poll-now-${name}`, name === 'token-again' ? { ...request, ...patients } : request, faults, 'pollNow'] as const,
    ]),
  )('%s', async (name, request, faults, act) => {
    await record(name, request, faults, async (started) => {
      await expect.poll(async () => (await started.progress()).trouble, { timeout: 50_000 }).toBeDefined();
      // The wait begins a moment after what it is for is known.
      await sleep(500);
      await started[act]();
    });
  });

  test('poll-now', async () => {
    await record('poll-now', patients, [{ ...LONG_WAIT, times: 2 }], async (started) => {
      for (const polls of [1, 2]) {
        await expect.poll(async () => (await started.progress()).polls, { timeout: 20_000 }).toBe(polls);
        await started.pollNow();
      }
    });
  });

  const lost = {
    route: 'file',
    match: ({ url }: { url: string }) => url.includes('Condition'),
    times: Infinity,
    do: { kind: 'answer', status: 404 },
  };
  const steered: [string, object, object[], (started: StartedExport) => Promise<unknown>][] = [
    [
      'paused-polls',
      patients,
      [{ ...LONG_WAIT, times: 1 }],
      async (started) => {
        await expect.poll(async () => (await started.progress()).polls, { timeout: 20_000 }).toBe(1);
        await started.pause();
        await started.pollNow();
        await started.resume();
      },
    ],
    [
      'paused-downloads',
      {},
      [slowly('file')],
      async (started) => {
        await expect.poll(async () => (await started.progress()).phase, { timeout: 20_000 }).toBe('downloading');
        await started.setConcurrency(2);
        await started.pause({ what: 'downloads', now: true });
        await expect.poll(async () => (await started.progress()).files?.running, { timeout: 20_000 }).toBe(0);
        await started.resume();
      },
    ],
    [
      'retried-files',
      { onIncomplete: 'wait' },
      [lost],
      async (started) => {
        await untilAttention(started);
        stack.servers['hospital']?.faults.clear();
        await started.retryFiles({ names: ['Condition.00001.ndjson'] });
        await untilAttention(started).catch(() => {});
        await started.retryFiles().catch(() => {});
      },
    ],
    [
      'finished-incomplete',
      { onIncomplete: 'wait' },
      [lost],
      async (started) => {
        await untilAttention(started);
        await started.finishIncomplete({ reason: 'recorded' });
      },
    ],
    ['accepted', patients, [slowly('kickOff')], (started) => started.accepted()],
  ];
  test.each(steered)('%s', async (name, request, faults, act) => {
    await record(name, request, faults, async (started) => {
      await act(started);
    });
  });

  async function untilAttention(started: StartedExport): Promise<void> {
    await expect.poll(async () => (await started.progress()).phase, { timeout: 30_000 }).toBe('needs-attention');
  }

  test('continued', async () => {
    const busy = { route: 'status', times: 15, do: { kind: 'answer', status: 202, headers: { 'Retry-After': '1' } } };
    expect(await record('continued', {}, [busy])).toBeGreaterThan(1);
  });

  test.each([recordGate, recordRefused, recordFailing, recordIncremental, recordPauses])('%o', (one) =>
    one(stack, version),
  );

  async function record(
    name: string,
    request: object,
    faults: readonly object[],
    act: (started: StartedExport) => Promise<void> = async () => {},
  ): Promise<number> {
    for (const server of Object.values(stack.servers)) {
      server.faults.clear();
      for (const fault of faults) server.faults.add(fault as never);
    }
    const started = await stack.start(request, name);
    await act(started);
    await started.result().catch(() => {});
    return recordHistory(stack, name, `${version}-${name}`);
  }
});
