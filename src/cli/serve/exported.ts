import { lstat, readFile, realpath } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import * as v from 'valibot';
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

/** What is read of `manifest.json`, which may have come from anywhere. */
const ITEM = v.object({
  type: v.optional(v.string()),
  // Relative, below the folder, and nothing hidden.
  url: v.pipe(v.string(), v.regex(/^[^./][^/]*(\/[^./][^/]*)*$/)),
  count: v.optional(v.number()),
  fileSize: v.number(),
  extension: v.object({ sha256: v.string() }),
});
const ITEMS = v.optional(v.array(ITEM), []);
const MANIFEST = v.object({
  transactionTime: v.string(),
  request: v.optional(v.string(), ''),
  output: ITEMS,
  deleted: ITEMS,
  error: ITEMS,
});

/**
 * Reads the `manifest.json` of a complete export, and makes sure that its files are there.
 *
 * @throws UsageError
 */
export async function readExported(folder: string): Promise<Exported> {
  const root = await realpath(resolve(folder)).catch(() => resolve(folder));
  const text = await readFile(join(root, 'manifest.json'), 'utf8').catch(() => undefined);
  if (text === undefined) {
    throw new UsageError(`${root} has no manifest.json: name the folder of one complete export, as its report does.`);
  }
  const manifest = v.safeParse(MANIFEST, jsonOf(text));
  if (!manifest.success) {
    throw new UsageError(`${join(root, 'manifest.json')} is not that of an export of fhir-bulk-export.`);
  }
  const { transactionTime, request, ...items } = manifest.output;
  const files = (['output', 'deleted', 'error'] as const).flatMap((kind) =>
    items[kind].map(({ type, url, count, fileSize, extension }) => ({
      kind,
      type,
      name: url,
      path: join(root, url),
      bytes: fileSize,
      count,
      sha256: extension.sha256,
    })),
  );
  for (const { path, bytes } of files) await requireWhole(path, bytes);
  const groupId = /\/Group\/([A-Za-z0-9.-]{1,64})\/\$export/.exec(request)?.[1];
  return { folder: root, transactionTime, groupId, files };
}

/** A link may lead to anything that this user can read. */
async function requireWhole(path: string, bytes: number): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  const isHere = found?.isFile() === true && (await realpath(path)) === path;
  if (isHere && found.size === bytes) return;
  const what = found === undefined ? 'is missing' : isHere ? `has ${found.size} bytes` : 'is a link, or no file';
  throw new UsageError(`${path} ${what}; manifest.json says ${bytes} bytes.`);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
