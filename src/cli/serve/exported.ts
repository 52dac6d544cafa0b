import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { UsageError } from '../exit-codes.ts';

/** A file of a complete export. */
export interface ExportedFile {
  kind: 'output' | 'deleted' | 'error';
  type: string | undefined;
  /** Relative, as `manifest.json` has it. */
  name: string;
  path: string;
  bytes: number;
  count: number | undefined;
  sha256: string;
}

/** A folder with a complete export. */
export interface Exported {
  folder: string;
  transactionTime: string;
  /** Group of which it is; undefined: of another level. */
  groupId: string | undefined;
  files: readonly ExportedFile[];
}

interface Item {
  type?: string;
  url: string;
  count?: number;
  fileSize: number;
  extension: { sha256: string };
}

/**
 * Reads the `manifest.json` of a complete export, and makes sure that its files are there.
 *
 * @throws UsageError
 */
export async function readExported(folder: string): Promise<Exported> {
  const root = resolve(folder);
  const text = await readFile(join(root, 'manifest.json'), 'utf8').catch(() => undefined);
  if (text === undefined) {
    throw new UsageError(`${root} has no manifest.json: name the folder of one complete export, as its report does.`);
  }
  const manifest = JSON.parse(text) as { transactionTime: string; request: string } & Record<
    string,
    Item[] | undefined
  >;
  const files = (['output', 'deleted', 'error'] as const).flatMap((kind) =>
    (manifest[kind] ?? []).map(({ type, url, count, fileSize, extension }) => ({
      kind,
      type,
      name: url,
      path: join(root, url),
      bytes: fileSize,
      count,
      sha256: extension.sha256,
    })),
  );
  for (const { path, bytes } of files) {
    const size = (await stat(path).catch(() => undefined))?.size;
    if (size === bytes) continue;
    throw new UsageError(
      `${path} ${size === undefined ? 'is missing' : `has ${size} bytes`}; manifest.json says ${bytes} bytes.`,
    );
  }
  const groupId = /\/Group\/([A-Za-z0-9.-]{1,64})\/\$export/.exec(manifest.request ?? '')?.[1];
  return { folder: root, transactionTime: manifest.transactionTime, groupId, files };
}
