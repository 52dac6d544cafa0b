import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach } from 'vitest';
import { projectRoot } from '../../../src/programs/project.ts';
import type { Fetched, FetchWatch } from '../../../src/download/threads/fetched.ts';
import type { FileOrder } from '../../../src/download/threads/messages.ts';
import type { ThreadPoolOptions } from '../../../src/download/threads/pool.ts';
import { ThreadPool } from '../../../src/download/threads/pool.ts';
import type { Entry } from '../../../src/fhir/entries.ts';
import type { RequestRules } from '../../../src/http/rules.ts';
import type { DestinationConfig } from '../../../src/storage/destinations.ts';

/** The compiled code of a thread; `npm test` has built it. */
export const THREAD = pathToFileURL(join(projectRoot, 'dist/src/download/threads/thread.js'));
/** Code of a thread that does as usual, and something else when it is ordered a file with the label `poison`. */
export function poisonedBy(action: string): string {
  return `import { parentPort } from 'node:worker_threads';
    import ${JSON.stringify(THREAD.href)};
    parentPort.on('message', ({ file }) => { if (file?.label === 'poison') setTimeout(() => { ${action} }, 200); });`;
}

export function codeOf(code: string): URL {
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}

export function threadWith(action: string): URL {
  return codeOf(poisonedBy(action));
}

export const RULES: RequestRules = { trustedOrigins: new Set(), trustedHeaders: {}, loopback: true };

/** Folder of the destination `local`. */
export let root: string;
let pools: ThreadPool[];
const held: (() => void)[] = [];
export const NOT_ASKED_FOR: Fetched = { kind: 'trouble', trouble: { cause: 'final', detail: 'was not asked for' } };

export function useThreads(): void {
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'threads-'));
    pools = [];
  });
  afterEach(async () => {
    await becomeFree();
    await Promise.all(pools.map((pool) => pool.close()));
    await rm(root, { recursive: true, force: true });
  });
}

/** A pool that ends with its test. */
export function makePool(
  options: Partial<Omit<ThreadPoolOptions, 'setup'>> & { destinations?: Record<string, DestinationConfig> } = {},
): ThreadPool {
  const destinations = { local: { type: 'directory', path: root } as const, ...options.destinations };
  const setup = { destinations, timeouts: { headers: 2000, body: 2000 } };
  const pool = new ThreadPool({ threads: 2, file: THREAD, ...options, setup });
  pools.push(pool);
  return pool;
}

export function orderOf(
  url: string,
  more: { entry?: Partial<Entry>; rules?: RequestRules; label?: string; destination?: string } = {},
): FileOrder {
  const { entry, rules = RULES, label = '0', destination = 'local' } = more;
  const usual = { ordinal: 0, page: 1, index: 0, kind: 'output', needsToken: false, name: 'Patient.ndjson' } as const;
  return { request: { rules, entry: { ...usual, url, ...entry } }, destination, path: 'export', label, isSmall: false };
}

export function watching(more: Partial<FetchWatch> = {}): FetchWatch {
  const { signal } = new AbortController();
  return {
    signal,
    mayChange: async () => {},
    onProgress: () => {},
    onRefusal: () => {},
    onNoThread: () => {},
    ...more,
  };
}

/** Fetches a file in another thread: whatever is to be fetched in this one keeps it busy, until {@link becomeFree}. */
export function fetchElsewhere(pool: ThreadPool, order: FileOrder, more: Partial<FetchWatch> = {}): Promise<Fetched> {
  for (;;) {
    let isHere = false;
    const fetching = pool.fetch(order, watching(more), () => {
      isHere = true;
      return new Promise((resolve) => held.push(() => resolve(NOT_ASKED_FOR)));
    });
    if (!isHere) return fetching;
  }
}

/** Ends what keeps this thread busy. */
export async function becomeFree(): Promise<void> {
  for (const end of held.splice(0)) end();
  await new Promise((resolve) => setImmediate(resolve));
}

/** Publishes what came, as activities do. @returns its SHA-256 by the checks, and by what is stored */
export async function publish(fetched: Fetched, name: string): Promise<{ checked: string; stored: string }> {
  if (fetched.kind !== 'checked') throw new Error(fetched.trouble.detail);
  await fetched.part.finish();
  await fetched.part.publish(name);
  await fetched.part.discard();
  return { checked: String(fetched.file.sha256), stored: sha256(await readFile(join(root, 'export', name))) };
}

export function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Lines of NDJSON, so many bytes or a little more. */
export function lines(bytes: number): Buffer {
  const all: string[] = [];
  for (let length = 0; length < bytes; length += all.at(-1)?.length ?? 0) {
    all.push(`{"resourceType":"Patient","id":"${all.length}","text":"${'x'.repeat(200 + (all.length % 97))}"}\n`);
  }
  return Buffer.from(all.join(''));
}
