import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { BLOCK, blockOfLines } from './content.ts';

/** Bytes of a small file, whole lines. */
export const SMALL = 31 * 1024;

/**
 * Makes the files that are served: `small`, `tiny` (one line), `m<n>` of n MiB each, and `z<n>`, which is also there as
 * gzip.
 *
 * @param mebibytes sizes of the files
 */
export async function makeData(folder: string, mebibytes: readonly number[], packed: readonly number[]): Promise<void> {
  const block = blockOfLines();
  await writeFile(join(folder, 'small'), block.subarray(0, SMALL));
  await writeFile(join(folder, 'tiny'), block.subarray(0, 1024));
  for (const size of mebibytes) await writeBlocks(join(folder, `m${size}`), block, size);
  for (const size of packed) {
    const file = join(folder, `z${size}`);
    await writeBlocks(file, block, size);
    await writeFile(`${file}.gz`, await promisify(gzip)(await readFile(file), { level: 6 }));
  }
}

async function writeBlocks(path: string, block: Buffer, blocks: number): Promise<void> {
  const handle = await open(path, 'w');
  for (let at = 0; at < blocks; at++) await handle.write(block, 0, BLOCK, at * BLOCK);
  await handle.close();
}
