import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { noopMetricMeter } from '@temporalio/common';
import type { ActivityDeps } from '../../src/activities/deps.ts';
import { activityImplementations, createFileActivities } from '../../src/activities/index.ts';
import type { Config } from '../../src/config.ts';
import type { ExportRef } from '../../src/export-folder/export-ref.ts';
import type { ExportMark } from '../../src/export-folder/owner-mark.ts';
import { Servers } from '../../src/fhir-server/servers.ts';
import { HttpClient } from '../../src/http/http-client.ts';
import { SHORT_LIMITS } from '../support/short-limits.ts';
import { WorkerMetrics } from '../../src/telemetry/worker-metrics.ts';
import { NO_GATES } from '../support/no-gates.ts';

/** An attempt at an activity whose worker is frozen while it holds an answer: nobody can cancel it. */
export class FrozenAttempt {
  readonly ref: ExportRef;
  readonly activities: ReturnType<typeof activityImplementations> & ReturnType<typeof createFileActivities>;
  readonly result: Promise<unknown>;
  #thaw: () => void = () => {};
  #answers = 0;

  constructor(config: Config, ref: ExportRef, attempt: (frozen: FrozenAttempt) => Promise<unknown>) {
    const thawed = new Promise<void>((resolve) => (this.#thaw = resolve));
    const hold = async <T>(answer: T): Promise<T> => {
      this.#answers++;
      await thawed;
      return answer;
    };
    const http = new HttpClient();
    const send = http.send.bind(http);
    http.send = async (...request) => hold(await send(...request));
    const deps: ActivityDeps = {
      config,
      servers: new Servers(config, http),
      http,
      limits: SHORT_LIMITS,
      registeredSearchAttributes: async () => new Set(),
      canChangeMemo: async () => true,
      isRunning: async () => false,
      gates: NO_GATES,
      metrics: new WorkerMetrics(noopMetricMeter),
    };
    this.ref = ref;
    this.activities = { ...activityImplementations(deps), ...createFileActivities(deps) };
    this.result = new MockActivityEnvironment().run(() => attempt(this));
    this.result.catch(() => {});
  }

  isFrozen(): boolean {
    return this.#answers > 0;
  }

  thaw(): void {
    this.#thaw();
  }
}

/** What activities of the run that has a folder are given, with its first job. */
export async function refOf(root: string, path: string): Promise<ExportRef> {
  const { mark } = JSON.parse(await readFile(join(root, path, '.export/export.json'), 'utf8')) as ExportMark;
  return { server: 'hospital', destination: 'local', path, mark, generation: 1 };
}

/** Every file below a folder with its content. */
export async function contentOf(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const contents = await Promise.all(files.map((file) => readFile(file, 'utf8')));
  // Bytes that have no name yet are nobody's.
  return Object.fromEntries(
    files.map((file, place) => [file, contents[place] as string]).filter(([file]) => !file?.includes('/parts/')),
  );
}
