import { fileURLToPath } from 'node:url';
import { Client, WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import { startExport } from '../../src/client.ts';
import type { ExportReport, ExportRequest } from '../../src/contract.ts';
import { filesTaskQueue } from '../../src/contract.ts';
import { SLOTS, gateId } from '../../src/gate-contract.ts';
import { createActivities } from '../../src/hosting/create-activities.ts';
import type { Workers } from '../../src/hosting/index.ts';
import { createFileWorkers, createWorkers } from '../../src/hosting/index.ts';
import { SHORT_LIMITS } from '../support/short-limits.ts';
import { freeAddress } from '../support/listen.ts';
import { scrape, sumOf } from '../support/scrape.ts';
import type { Stack } from '../support/stack.ts';
import { BUNDLE, quiet, startStack } from '../support/stack.ts';
import { isSealed, sealed } from './host/sealed.ts';
import type { nightly } from './host/workflows.ts';

const hostFile = (name: string): string => fileURLToPath(new URL(`./host/${name}`, import.meta.url));
const dataConverter = { payloadCodecs: [sealed] };
const TASK_QUEUE = 'analytics';

let stack: Stack;
let connection: NativeConnection;
/** A client of the service's own, with its data converter. */
let client: Client;
let metricsAddress: string;
/** What the interceptors have seen. */
const activities = new Set<string>();
const starts = new Set<string>();

const seesActivities: ActivityInterceptorsFactory = ({ info }) => ({
  inbound: {
    execute: (input, next) => {
      if (input.headers['tenant'] !== undefined) activities.add(info.activityType);
      return next(input);
    },
  },
});

beforeAll(async () => {
  metricsAddress = await freeAddress();
  quiet({ prometheus: { bindAddress: metricsAddress } });
  stack = await startStack({
    workers: false,
    servers: { hospital: { patients: 3, pollsUntilReady: 0 }, slow: { patients: 3, pollsUntilReady: 0 } },
    entries: { hospital: { maxConcurrentExports: 1 } },
  });
  connection = await NativeConnection.connect({ address: stack.temporal.address });
  const { namespace = 'default' } = stack.temporal;
  client = new Client({ connection: stack.client.connection, namespace, dataConverter });
});
afterAll(async () => {
  await connection.close();
  await stack.close();
});

const REQUEST = { level: 'system', parameters: { _type: 'Patient' } } as const;

describe('a worker with workflows, a payload codec and interceptors of its own', () => {
  let workers: Workers;
  let ended: Promise<void>;

  beforeAll(async () => {
    workers = await createWorkers({
      connection,
      namespace: stack.temporal.namespace,
      taskQueue: TASK_QUEUE,
      identity: 'analytics-1',
      config: stack.config,
      limits: SHORT_LIMITS,
      workflowsPath: hostFile('workflows.ts'),
      activities: { tally: () => Promise.resolve(1) },
      dataConverter,
      interceptors: {
        workflowModules: [hostFile('workflow-interceptors.ts')],
        activity: [seesActivities],
        client: {
          workflow: [{ signalWithStart: (input, next) => (starts.add(input.workflowType), next(input)) }],
        },
      },
    });
    ended = workers.run();
  });
  afterAll(async () => {
    workers.shutdown();
    await ended;
  });

  const start = (request: ExportRequest) =>
    client.workflow.start<typeof nightly>('nightly', {
      taskQueue: TASK_QUEUE,
      workflowId: `nightly-${request.server}`,
      args: [request],
    });

  test('runs an export as a child, and all that Temporal holds of it is encrypted', async () => {
    const parent = await start({ ...REQUEST, server: 'hospital' });
    expect(await parent.result()).toEqual({ resources: 3 });
    const gate = client.workflow.getHandle(gateId('hospital', TASK_QUEUE));
    expect(await gate.query(SLOTS)).toMatchObject({ server: 'hospital' });
    for (const id of [parent.workflowId, 'of-hospital-all', gate.workflowId]) {
      const { plain, sealedOnes } = payloadsOf(await client.workflow.getHandle(id).fetchHistory());
      expect(sealedOnes, id).toBeGreaterThan(0);
      expect(plain, id).toEqual([]);
    }
    await endGate('hospital', TASK_QUEUE);
  });

  test("metrics of exports are among those of the service's own Runtime, by their names", async () => {
    const samples = await scrape(metricsAddress);
    expect(sumOf(samples, 'fhir_bulk_export_exports_ended_total', { taskQueue: TASK_QUEUE })).toBe(1);
    expect(sumOf(samples, 'fhir_bulk_export_resources_total', { server: 'hospital' })).toBe(3);
    expect(sumOf(samples, 'fhir_bulk_export_info')).toBe(1);
  });

  test('its interceptors see the activities of both queues, and what they send', () => {
    expect([...activities]).toEqual(expect.arrayContaining(['kickOff', 'askGate', 'downloadFiles', 'settleExport']));
    expect([...starts]).toEqual(['exportGate']);
  });

  test('the code of a failure comes to the parent', async () => {
    expect(await (await start({ ...REQUEST, server: 'elsewhere' })).result()).toEqual({ code: 'UnknownServer' });
  });

  test('when the parent is cancelled, the job is deleted', async () => {
    const slow = stack.servers['slow'] as SampleServer;
    slow.faults.add({ route: 'status', times: Infinity, do: { kind: 'answer', status: 202 } });
    const parent = await start({ ...REQUEST, server: 'slow' });
    await expect.poll(() => slow.journal.some(({ route }) => route === 'status'), { timeout: 30_000 }).toBe(true);
    await parent.cancel();
    await expect(parent.result()).rejects.toThrow(WorkflowFailedError);
    expect(slow.journal.filter(({ method }) => method === 'DELETE')).toHaveLength(1);
  });

  test('says how its workers do', () => {
    const status = workers.status();
    const queues = [TASK_QUEUE, filesTaskQueue('hospital', TASK_QUEUE), filesTaskQueue('slow', TASK_QUEUE)];
    expect(Object.keys(status)).toEqual(queues);
    for (const queue of queues)
      expect(status[queue]).toMatchObject({ runState: 'RUNNING', activityPollerState: 'POLLING' });
  });

  test('activities with names of ours are refused', async () => {
    const activities = { kickOff: () => Promise.resolve(1), mine: () => Promise.resolve(1) };
    const refused = createWorkers({ connection, config: stack.config, activities });
    await expect(refused).rejects.toThrow('activities: kickOff: exports have activities of these names');
  });
});

test('a worker of the SDK serves exports, beside workers that download', async () => {
  const shared = { connection, namespace: stack.temporal.namespace ?? 'default', taskQueue: 'plain', dataConverter };
  const exporting = createActivities({ config: stack.config, limits: SHORT_LIMITS });
  const worker = await Worker.create({
    ...shared,
    workflowBundle: { codePath: BUNDLE },
    activities: { tally: () => Promise.resolve(1), ...exporting.activities },
  });
  const downloads = await createFileWorkers(exporting, shared);
  const ended = downloads.run();
  const report = await worker.runUntil(async (): Promise<ExportReport> => {
    const request = { ...REQUEST, server: 'hospital' };
    const report = await (await startExport(client, request, { workflowId: 'plain', taskQueue: 'plain' })).result();
    await endGate('hospital', 'plain');
    return report;
  });
  downloads.shutdown();
  await ended;
  await exporting.close();
  expect(report).toMatchObject({ status: 'complete', resources: 3 });
});

/** A gate that nobody needs any more ends by itself, on a busy machine before somebody can end it. */
async function endGate(server: string, taskQueue: string): Promise<void> {
  try {
    await client.workflow.getHandle(gateId(server, taskQueue)).terminate();
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}

/** What the SDK never gives to a codec: headers of interceptors, names of patches, search attributes. */
const CLEAR: ReadonlySet<string> = new Set(['header', 'markerRecordedEventAttributes', 'searchAttributes']);

interface Found {
  plain: object[];
  sealedOnes: number;
}

/** Payloads of a history, wherever they are: all that have metadata with an encoding. */
function payloadsOf(value: unknown, found: Found = { plain: [], sealedOnes: 0 }): Found {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return found;
  const { metadata } = value as { metadata?: Record<string, Uint8Array> };
  if (metadata?.['encoding'] === undefined) {
    for (const [name, inner] of Object.entries(value)) {
      if (!CLEAR.has(name)) payloadsOf(inner, found);
    }
  } else if (isSealed({ metadata })) found.sealedOnes++;
  else found.plain.push(value);
  return found;
}
