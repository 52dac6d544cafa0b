import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createAuthServer, type SampleServer } from '../../dev/sample-server/index.ts';
import type { ExportReport } from '../../src/contract.ts';
import { FAILURES, PHASES } from '../../src/contract.ts';
import { isResourceType } from '../../src/fhir/resource-types.ts';
import type { Metric } from '../../src/telemetry/metric-table.ts';
import { METRICS, PREFIX } from '../../src/telemetry/metric-table.ts';
import { usesInDeploy } from '../support/promql.ts';
import { freeAddress } from '../support/listen.ts';
import type { RealWorker } from '../support/real-worker.ts';
import { startRealWorker } from '../support/real-worker.ts';
import type { Sample } from '../support/scrape.ts';
import { scrape, sumOf } from '../support/scrape.ts';
import type { Stack } from '../support/stack.ts';
import { serverEntry, startStack } from '../support/stack.ts';
import { killWorker } from '../support/worker-processes.ts';

const clientSecret = randomBytes(30).toString('base64url');
const FAST = { patients: 20, linesPerFile: 100, pollsUntilReady: 1, retryAfter: '1' };
/** Two files of 5 MB beside one another: one of them is fetched in another thread. */
const LARGE = { patients: 950, linesPerFile: 6_000, pollsUntilReady: 0, gzip: false, version: 4 as const };

/** Of exports, tokens and audit records, beside the codes of failures. */
const OUTCOMES = 'complete complete-with-issues cancelled other granted refused unavailable recorded lost'.split(' ');
const trailOf = ({ folder }: Stack): string => `${folder}.trail`;

let stack: Stack;
let worker: RealWorker;
let address: string;
/** What the metrics are compared with. */
let plain: ExportReport;
let large: ExportReport;
let samples: Sample[];

beforeAll(async () => {
  const authorization = createAuthServer({ clientSecret });
  stack = await startStack({
    workers: false,
    servers: { plain: FAST, large: LARGE, gated: { ...FAST, authorization }, refusing: FAST },
  });
  const { gated } = stack.servers;
  stack.config.servers['gated'] = serverEntry((gated as SampleServer).baseUrl, {
    maxConcurrentExports: 1,
    auth: {
      type: 'client-secret',
      clientId: 'demo-client',
      clientSecretEnv: 'METRICS_TEST_SECRET',
      secretIn: 'form',
      tokenUrl: authorization.tokenUrl((gated as SampleServer).baseUrl),
    },
  });
  stack.config.downloadThreads = 2;
  await mkdir(trailOf(stack));
  stack.config.audit = { destination: { type: 'directory', path: trailOf(stack) }, required: false };
  address = await freeAddress();
  worker = await startRealWorker(stack, { METRICS_TEST_SECRET: clientSecret, BULK_EXPORT_METRICS: address });
  await vi.waitFor(() => expect(worker.logs()).toContain('worker started'), { timeout: 60_000 });
}, 120_000);
afterAll(async () => {
  await killWorker(worker.child);
  await rm(trailOf(stack), { recursive: true });
  await stack.close();
});

const value = (name: keyof typeof METRICS, labels: Record<string, string> = {}): number =>
  sumOf(samples, `${PREFIX}${name}`, labels);

test('info is there before there is any export, and what alerts count is 0', async () => {
  samples = await scrape(address);
  expect(value('info')).toBe(1);
  expect(samples.filter(({ name }) => name === `${PREFIX}content_faults_total`).map(({ value }) => value)).toEqual([
    0, 0, 0, 0,
  ]);
  await vi.waitFor(async () => expect(sumOf(await scrape(address), 'temporal_num_pollers')).toBeGreaterThan(0), 60_000);
});

describe('after exports', () => {
  beforeAll(async () => {
    const { plain: fhir, large: big, refusing } = stack.servers;
    fhir!.faults.add({ route: 'file', do: { kind: 'transformFile', transform: () => '{"resourceType":"Patient"}\n' } });
    fhir!.faults.add({ route: 'status', do: { kind: 'answer', status: 503 } });
    // Without a validator: gzip, of which no range can be asked for.
    fhir!.faults.add({ route: 'file', skip: 3, do: { kind: 'breakBody', afterBytes: 300 } });
    big!.faults.add({
      route: 'file',
      match: ({ url }) => url.includes('Observation'),
      times: 2,
      do: { kind: 'breakBody', afterBytes: 3_000_000 },
    });
    refusing!.faults.add({ route: 'kickOff', do: { kind: 'answer', status: 400 } });
    const ends = await Promise.all([
      stack.run({ server: 'plain' }),
      stack.run({ server: 'large', parameters: { _type: ['Observation', 'Patient', 'Encounter'] } }),
      stack.run({ server: 'gated', parameters: { _type: 'Patient' } }),
      stack.run({ server: 'gated', parameters: { _type: 'Patient' } }),
      stack.fail({ server: 'refusing' }),
      stack.fail({ server: 'someone-elses-name' }),
      stack.fail({ server: 'plain', level: 'group' }),
    ]);
    [plain, large] = ends as unknown as [ExportReport, ExportReport];
    // The gate is told last, and shows it a moment later.
    const members = async () => sumOf(await scrape(address), `${PREFIX}gate_exports`, { server: 'gated' });
    await vi.waitFor(async () => expect(await members()).toBe(0), { timeout: 60_000 });
    samples = await scrape(address);
  }, 240_000);

  test('files, resources and bytes are those of the report, by type', () => {
    for (const [server, report] of Object.entries({ plain, large })) {
      for (const [type, { files, resources, bytes }] of Object.entries(report.byType)) {
        expect([type, value('files_total', { server, type })]).toEqual([type, files]);
        expect([type, value('resources_total', { server, type })]).toEqual([type, resources]);
        expect([type, value('bytes_total', { server, type })]).toEqual([type, bytes]);
      }
      expect(value('files_total', { server })).toBe(report.files);
    }
  });

  test('what was fetched again, and why', () => {
    expect(value('content_faults_total', { server: 'plain' })).toBe(1);
    expect(value('content_faults_total', { server: 'large' })).toBe(0);
    for (const [server, report] of Object.entries({ plain, large }))
      for (const [cause, times] of Object.entries(report.fetchedAgain))
        expect([cause, value('files_put_off_total', { server, cause })]).toEqual([cause, times]);
    expect(plain.fetchedAgain).toEqual({ content: 1, outage: 1 });
    expect(value('refetched_bytes_total', { server: 'plain', cause: 'content' })).toBe(
      Buffer.byteLength('{"resourceType":"Patient"}\n'),
    );
    expect(value('received_bytes_total', { server: 'plain' })).toBe(
      plain.bytes + value('refetched_bytes_total', { server: 'plain' }),
    );
    // What came before the break was kept, in whichever thread.
    expect(large.fetchedAgain).toEqual({ outage: 2 });
    expect(value('received_bytes_total', { server: 'large' })).toBe(
      large.bytes + value('refetched_bytes_total', { server: 'large' }),
    );
  });

  test('answers, by server, kind of request and class of status: as many as the server has sent', () => {
    const journal = stack.servers['plain']!.journal;
    const kinds = { kickOff: 'kick-off', status: 'status', file: 'file', delete: 'delete', metadata: 'metadata' };
    for (const [route, request] of Object.entries(kinds)) {
      for (const status of ['2xx', '4xx', '5xx']) {
        const sent = journal.filter((entry) => entry.route === route && String(entry.status)[0] === status[0]);
        const counted = value('http_answers_total', { server: 'plain', request, status });
        expect([request, status, counted]).toEqual([request, status, sent.length]);
      }
    }
    expect(value('http_answers_total', { server: 'plain', request: 'status', status: '5xx' })).toBe(1);
    const files = stack.servers['large']!.journal.filter(({ route }) => route === 'file');
    expect(value('http_answers_total', { server: 'large', request: 'file', status: '2xx' })).toBe(files.length);
    expect(value('http_answers_total', { server: 'gated', request: 'token', status: '2xx' })).toBeGreaterThan(0);
    expect(value('tokens_total', { server: 'gated', outcome: 'granted' })).toBeGreaterThan(0);
  });

  test('exports, their phases and how they ended', () => {
    expect(value('phases_total', { phase: 'starting' })).toBe(5);
    expect(value('phases_total', { server: 'gated', phase: 'queued' })).toBeGreaterThan(0);
    expect(value('phases_total', { server: 'plain', phase: 'downloading' })).toBe(1);
    expect(value('exports_ended_total', { server: 'plain', outcome: 'complete' })).toBe(1);
    expect(value('exports_ended_total', { server: 'gated', outcome: 'complete' })).toBe(2);
    expect(value('exports_ended_total', { server: 'refusing', outcome: 'KickOffRejected' })).toBe(1);
    expect(value('exports_ended_total', { server: 'unknown' })).toBe(2);
    expect(value('exports_ended_total')).toBe(7);
    // Those of unknown servers, and the one that was refused, have not begun.
    for (const event of ['start', 'end']) expect(value('audit_records_total', { event, outcome: 'recorded' })).toBe(5);
  });

  test('waits for polls, and for the manifest', () => {
    const { polls } = plainProgress();
    expect(sumOf(samples, `${PREFIX}poll_wait_seconds_count`, { server: 'plain' })).toBe(polls);
    expect(sumOf(samples, `${PREFIX}poll_wait_seconds_bucket`, { server: 'plain', le: '5' })).toBe(polls);
    expect(sumOf(samples, `${PREFIX}manifest_seconds_count`)).toBe(4);
    expect(sumOf(samples, `${PREFIX}manifest_seconds_bucket`, { server: 'plain', le: '604800' })).toBe(1);
    for (const destination of ['local', 'audit.destination'])
      expect([value('destination_free_bytes', { destination }) > 0, value('destination_ok', { destination })]).toEqual([
        true,
        1,
      ]);
    expect(value('gate_told_seconds', { server: 'gated' })).toBeGreaterThan(Date.now() / 1000 - 600);
    for (const name of ['needing_attention', 'oldest_job_accepted_seconds'] as const) expect(value(name)).toBe(0);
  });

  test('all metrics are in the table with their labels, and all that is in it is there', () => {
    const table: Record<string, Metric> = METRICS;
    const found = new Map<string, Set<string>>();
    for (const { name, labels } of samples.filter(({ name }) => name.startsWith(PREFIX))) {
      const metric = name.slice(PREFIX.length).replace(/_(bucket|sum|count)$/, '');
      found.set(metric, new Set([...(found.get(metric) ?? []), ...Object.keys(labels)]));
    }
    // No server here limits its downloads in all.
    const absent = ['gate_downloads'];
    expect([...found.keys(), ...absent].toSorted()).toEqual(Object.keys(table).toSorted());
    for (const [metric, labels] of found) {
      const added = table[metric]?.from === 'workflow' ? ['namespace', 'taskQueue', 'workflowType'] : [];
      const histogram = table[metric]?.kind === 'histogram' ? ['le'] : [];
      const wanted = [...(table[metric]?.labels ?? []), ...added, ...histogram];
      expect([metric, [...labels].toSorted()]).toEqual([metric, wanted.toSorted()]);
    }
  });

  test('the alert rules and the dashboard read metrics that are there, by labels that they have', async () => {
    const uses = await usesInDeploy();
    expect(uses.length).toBeGreaterThan(30);
    // Neither is here: no task of a workflow failed, and no server limits its downloads in all.
    const absent = ['temporal_workflow_task_execution_failed', `${PREFIX}gate_downloads`];
    for (const { metric, labels } of uses.filter(({ metric }) => !absent.includes(metric))) {
      const found = samples.find(({ name }) => name === metric);
      expect([metric, found === undefined ? 'is not there' : Object.keys(found.labels)]).toEqual([
        metric,
        expect.arrayContaining(labels),
      ]);
    }
    // All of ours are shown.
    const shown = new Set(uses.map(({ metric }) => metric.replace(/_bucket$/, '')));
    expect(Object.keys(METRICS).filter((name) => !shown.has(`${PREFIX}${name}`))).toEqual([]);
  });

  test('labels have values of closed lists only: no id, no URL, no name that a caller made up', () => {
    const closed: Record<string, readonly string[]> = {
      server: ['plain', 'large', 'gated', 'refusing', 'unknown'],
      destination: ['local', 'audit.destination'],
      event: ['start', 'end'],
      type: ['other', 'deleted', 'error', 'attachment'],
      phase: PHASES,
      outcome: [...OUTCOMES, ...Object.keys(FAILURES)],
      request: 'kick-off status delete file attachment token metadata smart-configuration group'.split(' '),
      status: ['1xx', '2xx', '3xx', '4xx', '5xx', 'none'],
      cause: ['content', 'broken', 'stopped', 'not-resumable', 'outage', 'elsewhere', 'link', 'token'],
      slot: ['held', 'waiting'],
      version: ['0.1.0'],
      namespace: [stack.temporal.namespace ?? ''],
      taskQueue: ['fhir-bulk-export'],
      workflowType: ['bulkExport', 'exportGate'],
    };
    const strange = samples
      .filter(({ name }) => name.startsWith(PREFIX))
      .flatMap(({ labels }) => Object.entries(labels))
      .filter(
        ([label, text]) =>
          label !== 'le' && closed[label]?.includes(text) !== true && !(label === 'type' && isResourceType(text)),
      );
    expect(strange).toEqual([]);
  });

  const plainProgress = (): { polls: number } => ({
    polls: stack.servers['plain']!.journal.filter(({ route }) => route === 'status').length,
  });
});
