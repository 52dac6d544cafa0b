import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { ExpectedFile, SampleServer } from '../../dev/sample-server/index.ts';
import { expectSoundLog } from './export-log.ts';

/** A file of the local manifest. */
export interface LocalItem {
  type?: string;
  url: string;
  count: number;
  fileSize: number;
  extension: { sha256: string };
}

export interface LocalManifest {
  transactionTime: string;
  request: string;
  requiresAccessToken: boolean;
  output: LocalItem[];
  deleted: LocalItem[];
  error: LocalItem[];
}

/** What the project adds to the server's files. */
const OURS: ReadonlySet<string> = new Set(['manifest.json', 'log.ndjson', 'deletions.ndjson', 'error/summary.json']);

export async function readLocalManifest(location: string): Promise<LocalManifest> {
  return JSON.parse(await readFile(join(location, 'manifest.json'), 'utf8')) as LocalManifest;
}

/**
 * The folder holds every file of the server's job, byte for byte, under its manifest's names, and nothing else but
 * what the project promises.
 */
export async function expectExactFiles(location: string, server: SampleServer, jobId?: string): Promise<void> {
  const manifest = await readLocalManifest(location);
  const expected = server.expectedFiles(jobId);
  for (const kind of ['output', 'deleted', 'error'] as const) {
    const files = expected.filter((file) => file.kind === kind);
    expect(manifest[kind]).toHaveLength(files.length);
    for (const [place, file] of files.entries())
      await expectSameFile(location, manifest[kind][place] as LocalItem, file);
  }
  const names = (await readdir(location, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(location.length + 1))
    .filter((name) => !name.startsWith('.export/') && !OURS.has(name))
    .filter((name) => !name.startsWith('attachments/'));
  const listed = [...manifest.output, ...manifest.deleted, ...manifest.error].map(({ url }) => url);
  expect(names.sort()).toEqual(listed.sort());
  expect(await readdir(join(location, '.export'))).not.toContain('parts');
  await expectSoundLog(location, manifest);
}

async function expectSameFile(location: string, item: LocalItem, file: ExpectedFile): Promise<void> {
  const [stored, sent] = await Promise.all([readFile(join(location, item.url)), readFile(file.path)]);
  // Buffers of a megabyte make for unreadable differences.
  if (!stored.equals(sent)) throw new Error(`${item.url} differs from what the server sent for ${file.name}`);
  expect(item).toMatchObject({ count: file.lines, fileSize: file.bytes, extension: { sha256: file.sha256 } });
}
