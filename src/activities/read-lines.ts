import type { ExportFolder } from '../storage/export-folder.ts';

/** The lines of a published file that are not blank, parsed; holds one chunk and one line at most. */
export async function* readLines(folder: ExportFolder, name: string): AsyncGenerator {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of folder.stream(name)) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() as string;
    yield* lines.filter((line) => line.trim() !== '').map(parse);
  }
  if (rest.trim() !== '') yield parse(rest);
}

function parse(line: string): unknown {
  return JSON.parse(line) as unknown;
}
