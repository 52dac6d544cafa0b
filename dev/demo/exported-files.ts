import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** A file as `manifest.json` describes it, and as it is on disk. */
export interface ExportedFile {
  /** Relative to the export's folder. */
  name: string;
  resources: number;
  promised: { bytes: number; sha256: string };
  found: { bytes: number; sha256: string };
}

interface ManifestItem {
  url: string;
  count: number;
  fileSize: number;
  extension: { sha256: string };
}

/** Reads `manifest.json` of an export's folder and every file that it names. */
export async function readExportedFiles(folder: string): Promise<ExportedFile[]> {
  const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as Record<string, ManifestItem[]>;
  const items = ['output', 'deleted', 'error'].flatMap((kind) => manifest[kind] ?? []);
  const files: ExportedFile[] = [];
  for (const { url: name, count, fileSize, extension } of items) {
    const promised = { bytes: fileSize, sha256: extension.sha256 };
    files.push({ name, resources: count, promised, found: await hashFile(join(folder, name)) });
  }
  return files;
}

/**
 * The NDJSON files at their final place: the name of each, relative to the export's folder, and a text that changes
 * when the file is written again.
 */
export async function listPublished(folder: string): Promise<Map<string, string>> {
  const names = await readdir(folder, { recursive: true });
  const published = new Map<string, string>();
  for (const name of names) {
    if (!name.endsWith('.ndjson') || name === 'log.ndjson' || name.startsWith('.export')) continue;
    const { ino, mtimeMs } = await stat(join(folder, name));
    published.set(name, `${ino} ${mtimeMs}`);
  }
  return published;
}

async function hashFile(path: string): Promise<ExportedFile['found']> {
  const hash = createHash('sha256');
  let bytes = 0;
  await pipeline(createReadStream(path), async function (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      hash.update(chunk);
      bytes += chunk.length;
    }
  });
  return { bytes, sha256: hash.digest('hex') };
}
