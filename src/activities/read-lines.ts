import type { ExportFolder } from '../storage/export-folder.ts';

const NEWLINE = 0x0a;

/** The lines of a published file that are not blank, parsed; holds one chunk and one line at most. */
export async function* readLines(folder: ExportFolder, name: string): AsyncGenerator {
  for await (const line of readRawLines(folder, name)) yield parseLine(line);
}

/** The lines of a published file that are not blank, as bytes without the newline. */
export async function* readRawLines(folder: ExportFolder, name: string): AsyncGenerator<Buffer> {
  // Gathered in pieces: a line of megabytes would otherwise be copied with every chunk.
  let pieces: Buffer[] = [];
  for await (const chunk of folder.stream(name)) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      const line = pieces.length === 0 ? chunk.subarray(start, end) : join(pieces, chunk.subarray(start, end));
      pieces = [];
      start = end + 1;
      if (!isBlank(line)) yield line;
    }
    if (start < chunk.length) pieces.push(chunk.subarray(start));
  }
  const last = join(pieces, Buffer.alloc(0));
  if (!isBlank(last)) yield last;
}

/** A line that has passed the checks as JSON; it may begin with a byte order mark. */
export function parseLine(line: Buffer): unknown {
  return JSON.parse(new TextDecoder().decode(line)) as unknown;
}

function join(pieces: readonly Buffer[], rest: Buffer): Buffer {
  return Buffer.concat([...pieces, rest]);
}

function isBlank(line: Buffer): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}
