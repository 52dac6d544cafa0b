import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { noopMetricMeter } from '@temporalio/common';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fetchCounted } from '../../src/activities/batch/fetch-counted.ts';
import type { Batch } from '../../src/activities/batch/open-batch.ts';
import type { FileRequest } from '../../src/download/ask-file.ts';
import type { FetchWatch } from '../../src/download/threads/fetched.ts';
import { AskedFiles } from '../../src/export-folder/asked-files.ts';
import type { Entry } from '../../src/fhir/entries.ts';
import { WorkerMetrics } from '../../src/telemetry/worker-metrics.ts';
import { openDirectory } from '../../src/storage/directory/directory.ts';

let root: string;
let asked: AskedFiles;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'fetch-counted-'));
  asked = new AskedFiles(await openDirectory(root, 'export'));
});
afterEach(() => rm(root, { recursive: true }));

const entry: Entry = {
  ordinal: 0,
  page: 0,
  kind: 'output',
  index: 0,
  type: 'Patient',
  url: 'http://127.0.0.1/1',
  name: 'Patient.00001.ndjson',
  needsToken: false,
};

/** A worker that stops while it fetches the file, which may be asked for once. */
async function stopWhile(fetching: (watch: FetchWatch) => void): Promise<void> {
  const stop = new AbortController();
  const threads = {
    fetch: (_: unknown, watch: FetchWatch) => {
      fetching(watch);
      stop.abort(new Error('the worker stops'));
      return Promise.reject(stop.signal.reason as Error);
    },
  };
  const batch = {
    folder: { asked, mayChange: () => Promise.resolve() },
    server: { settings: { maxDownloadsPerFile: 1, requestIdHeaders: [] } },
    attempt: { signal: stop.signal, report: () => {} },
    request: { generation: 1 },
    entries: [entry],
    place: {},
    threads,
    metrics: new WorkerMetrics(noopMetricMeter),
  } as unknown as Batch;
  const request: FileRequest = { entry, checks: 'fast' } as FileRequest;
  await expect(fetchCounted(batch, request)).rejects.toThrow('the worker stops');
}

test('a worker that stops before anything came has used up no download', async () => {
  await stopWhile(() => {});
  expect(await asked.claim(1, 0, 1)).toBeDefined();
});

test('a worker that stops in the midst of a file has used one up', async () => {
  await stopWhile((watch) => watch.onProgress(100, 0));
  expect(await asked.claim(1, 0, 1)).toBeUndefined();
});
