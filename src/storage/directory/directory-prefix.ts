import { constants, createReadStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { copyFile, open, readFile, rm, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { FileVersion } from '../folder.ts';
import { nothingWritten } from './nothing-written.ts';

/** Bytes that are read at a time. */
const READ_BLOCK = 256 * 1024;

/** What is durable of a part; beside it, in a file of the same name. */
export interface Checkpoint extends FileVersion {
  bytes: number;
}

/** What can be taken over. */
interface Earlier {
  path: string;
  bytes: number;
  version: FileVersion;
}

/** What earlier attempts have left: all of it, and what can be taken over, the most bytes first. */
export async function findEarlier(
  label: string,
  paths: readonly string[],
): Promise<{ usable: Earlier[]; all: string[] }> {
  const all = paths.filter((path) => basename(path).startsWith(`${label}.`));
  const usable: Earlier[] = [];
  for (const path of all) {
    const found = await readCheckpoint(path);
    if (found === undefined) continue;
    const { bytes, ...version } = found;
    usable.push({ path, bytes, version });
  }
  return { usable: usable.sort((a, b) => b.bytes - a.bytes), all };
}

/**
 * A checkpoint that a power failure has torn, or whose part is shorter than it says, does not count. Of a whole file all
 * but the last byte are offered: behind its end there is no range to ask for, and the answer (416) could as well mean
 * that the file has become shorter.
 */
async function readCheckpoint(path: string): Promise<Checkpoint | undefined> {
  try {
    const [text, { size }] = await Promise.all([readFile(checkpointOf(path), 'utf8'), stat(path)]);
    const { bytes: durable, validator, total, link } = JSON.parse(text) as Checkpoint;
    const bytes = durable === total ? durable - 1 : durable;
    if (!(bytes > 0 && size >= durable)) return undefined;
    return { bytes, validator, ...(total === undefined ? {} : { total }), ...(link === undefined ? {} : { link }) };
  } catch {
    return undefined;
  }
}

/**
 * Copies so many bytes from the beginning of a file into a new one: by reference where the file system can, else as far
 * as they go and no farther. A copy of the whole file would spin for ever in libuv when the file got shorter meanwhile.
 *
 * @param signal ends it
 * @returns undefined when they are not there any more
 */
export async function copyPrefix(
  from: string,
  to: string,
  bytes: number,
  signal?: AbortSignal,
): Promise<FileHandle | undefined> {
  let handle: FileHandle | undefined;
  try {
    const isCloned = await copyFile(from, to, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL).then(
      () => true,
      () => false,
    );
    handle = await open(to, isCloned ? 'r+' : 'w', 0o600);
    if (isCloned) await handle.truncate(Math.min(bytes, (await handle.stat()).size));
    else await copyBytes(from, handle, bytes, signal);
    signal?.throwIfAborted();
    if ((await handle.stat()).size === bytes) return handle;
  } catch (error) {
    await handle?.close();
    await rm(to, { force: true });
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return undefined;
  }
  await handle.close();
  await rm(to, { force: true });
  return undefined;
}

async function copyBytes(from: string, to: FileHandle, bytes: number, signal?: AbortSignal): Promise<void> {
  let at = 0;
  for await (const chunk of readPrefix(from, bytes)) {
    signal?.throwIfAborted();
    await writeAt(to, chunk, at);
    at += chunk.length;
  }
}

/** Path of a part's checkpoint. */
export function checkpointOf(path: string): string {
  return path.replace(/\.part$/, '.checkpoint.json');
}

/** The first bytes of a file. */
export async function* readPrefix(path: string, bytes: number): AsyncIterable<Buffer> {
  if (bytes > 0) yield* createReadStream(path, { end: bytes - 1, highWaterMark: READ_BLOCK }) as AsyncIterable<Buffer>;
}

/** Writes all of some bytes, whatever a single write takes. */
export async function writeAt(handle: FileHandle, rest: Buffer, position: number): Promise<void> {
  for (let offset = 0; offset < rest.length;) {
    const { bytesWritten } = await handle.write(rest, offset, rest.length - offset, position + offset);
    if (bytesWritten === 0) throw nothingWritten();
    offset += bytesWritten;
  }
}
