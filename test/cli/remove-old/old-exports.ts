import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import type { DestinationConfig } from '../../../src/storage/destinations.ts';
import { openPlace } from '../../../src/storage/destinations.ts';
import type { Folder } from '../../../src/storage/folder.ts';
import { FILES } from '../../../src/export-folder/layout.ts';
import type { Owner } from '../../../src/export-folder/owner-mark.ts';
import { takeFolder } from '../../../src/export-folder/take-folder.ts';
import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { Config } from '../../../src/config.ts';
import type { OldExport, RemoveOldOptions, Summary } from '../../../src/cli/remove-old/remove-old.ts';
import { removeOld } from '../../../src/cli/remove-old/remove-old.ts';
import type { StoredExport } from '../../../src/export-folder/stored-exports.ts';
import { storedExports } from '../../../src/export-folder/stored-exports.ts';
import type { TestS3 } from '../../support/s3.ts';
import { hasS3, startS3 } from '../../support/s3.ts';

export const ALL: RemoveOldOptions = { dryRun: false, all: true, forgotten: true };
export const SAFE: RemoveOldOptions = { dryRun: false, all: false, forgotten: false };

/** A Temporal service that knows no export. */
export const KNOWS_NONE = clientThat(() => new WorkflowNotFoundError('unknown', 'x', undefined));

/** One that answers each question so. */
export function clientThat(fails: () => Error | undefined): Pick<Client, 'workflow'> {
  return { workflow: { getHandle: () => ({ describe: () => Promise.reject(fails()) }) } } as never;
}

/** Where the exports of the running tests are. */
export let place: OldPlace;

/** Tries old exports at each kind of destination. */
export function describeOldExports(tests: (kind: 'directory' | 's3') => void): void {
  describe.each([
    ['directory', directoryPlace, true],
    ['s3', s3Place, hasS3],
  ] as const)('%s', (kind, start, there) => {
    describe.skipIf(!there)('exports that are older than the retention', () => {
      beforeAll(async () => {
        place = await start();
      });
      afterAll(() => place.stop());

      tests(kind);
    });
  });
}

export const DAY = 24 * 60 * 60 * 1000;

/** A destination whose files can be made older than they are. */
export interface OldPlace {
  config: DestinationConfig;
  /** Where its files are on disk. */
  disk: string;
  s3?: TestS3;
  open(path: string): Promise<Folder>;
  /** Names of all files and uploads, but not of folders. */
  everything(): Promise<string[]>;
  stop(): Promise<void>;
}

export async function directoryPlace(): Promise<OldPlace> {
  const disk = await mkdtemp(join(tmpdir(), 'old-exports-'));
  return placeOn(disk, { type: 'directory', path: disk }, () => rm(disk, { recursive: true, force: true }));
}

export async function s3Place(): Promise<OldPlace> {
  const s3 = await startS3();
  const disk = join(s3.gateway.data, 'lake', 'raw');
  const place = placeOn(disk, s3.destination({ prefix: 'raw' }), () => s3.stop());
  return {
    ...place,
    s3,
    everything: async () => {
      const keys = (await s3.keys('raw/')).map((key) => key.slice('raw/'.length));
      return [...keys, ...(await s3.uploads()).map((key) => `upload of ${key}`)].sort();
    },
  };
}

function placeOn(disk: string, config: DestinationConfig, stop: () => Promise<void>): OldPlace {
  return {
    config,
    disk,
    open: (path) => openPlace(config, path, 'exports'),
    everything: async () => {
      const found = await readdir(disk, { recursive: true, withFileTypes: true });
      return found
        .filter((entry) => !entry.isDirectory())
        .map((entry) => join(entry.parentPath, entry.name).slice(disk.length + 1))
        .sort();
    },
    stop,
  };
}

export interface MadeExport {
  /** Days since its end. Default 100. */
  days?: number;
  owner?: Owner;
  /** Hash of its request. Default: one of its own. */
  request?: string;
  since?: string;
  /** Default `complete`; undefined: it has no manifest. */
  status?: 'complete' | 'complete-with-issues' | undefined;
  transactionTime?: string;
  /** It has a list of the members of its group. */
  listsMembers?: boolean;
  /** When its run took the folder. Default: an hour before its end. */
  createdAt?: string;
}

/** Makes the folder of an export as a run leaves it. @returns names of its files, below the destination */
export async function makeExport(place: OldPlace, path: string, made: MadeExport = {}): Promise<string[]> {
  const folder = await place.open(path);
  const { request = randomUUID(), since, days = 100, transactionTime = '2020-01-01T00:00:00Z' } = made;
  const id = randomUUID();
  const owner = made.owner ?? { workflowId: id, firstRunId: id, runId: id };
  const isRunning = async (): Promise<boolean> => false;
  const baseUrl = 'https://fhir.example/r4';
  const mark = await takeFolder(folder, {
    owner,
    requestHash: `${request} ${since}`,
    seriesHash: request,
    since,
    baseUrl,
    isRunning,
  });
  const { createdAt = new Date(Date.now() - days * DAY - 3_600_000).toISOString() } = made;
  const status = 'status' in made ? made.status : 'complete';
  const newMembers = made.listsMembers === true ? { newMembers: { list: { destination: 'lake', path } } } : {};
  const files: Record<string, string> = {
    [FILES.mark]: JSON.stringify({ ...mark, createdAt }),
    [FILES.job]: '{}',
    '.export/pages/00001.json': '{}',
    '.export/receipts/00001/1.json': '{}',
    'Patient.00001.ndjson': '{}\n',
    'Observation.00001.ndjson': '{}\n',
    'deleted/Bundle.00001.ndjson': '{}\n',
    'error/summary.json': '{}',
    [`attachments/${'a'.repeat(64)}`]: 'x',
    'attachments/index.ndjson': '{}\n',
    'log.ndjson': '{}\n',
    ...(status === undefined ? {} : { [FILES.report]: JSON.stringify({ status, transactionTime, ...newMembers }) }),
    ...(status === undefined ? { [FILES.partialManifest]: '{}' } : { [FILES.manifest]: '{}' }),
  };
  for (const [name, content] of Object.entries(files)) await folder.write(name, content);
  const names = Object.keys(files).map((name) => `${path}/${name}`);
  await makeOlder(place, names, days);
  return names.sort();
}

export async function makeOlder(place: OldPlace, names: readonly string[], days: number): Promise<void> {
  const time = new Date(Date.now() - days * DAY);
  for (const name of names) await utimes(join(place.disk, name), time, time);
}

export function configOf(
  place: OldPlace,
  more: Config['destinations'] = {},
  retention: string | undefined = 'P90D',
): Config {
  return { servers: {}, destinations: { lake: { ...place.config, retention }, ...more } };
}

/** What became of each path. */
export async function removeFrom(
  config: Config,
  options: RemoveOldOptions,
  { client = KNOWS_NONE, now }: { client?: Pick<Client, 'workflow'>; now?: number } = {},
): Promise<{ summary: Summary; about: Record<string, OldExport> }> {
  const about: Record<string, OldExport> = {};
  for await (const one of removeOld(config, 'lake', client, options, now)) {
    if (one.kind === 'summary') return { summary: one, about };
    about[one.path ?? ''] = one;
  }
  throw new Error('no summary');
}

export async function find(place: OldPlace, path: string): Promise<StoredExport> {
  for await (const one of storedExports(await place.open(''), () => false)) {
    if (one.path === path && !('why' in one)) return one;
  }
  throw new Error(`no export ${path}`);
}

export async function clean(place: OldPlace): Promise<void> {
  await rm(place.disk, { recursive: true, force: true });
  await mkdir(place.disk, { recursive: true });
}
