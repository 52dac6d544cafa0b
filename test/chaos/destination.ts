import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DestinationConfig } from '../../src/storage/destinations.ts';

/** A destination of the workers as the tests look at it; what they assert goes through this and nothing else. */
export interface ChaosDestination {
  /** Its entry in the configuration. */
  readonly config: DestinationConfig;
  /** Everything below an export's path: names relative to it, and when each was published (milliseconds). */
  list(path: string): Promise<Map<string, number>>;
  read(path: string, name: string): Promise<Buffer>;
  /** The report's `location` for a path. */
  location(path: string): string;
}

/** A directory destination. */
export function directoryDestination(root: string): ChaosDestination {
  return {
    config: { type: 'directory', path: root },
    async list(path) {
      const folder = join(root, path);
      const found = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
      const files = found.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
      // A file gets its name after its last byte: by a link or a rename, which change the inode and not the content.
      const times = await Promise.all(files.map(async (file) => (await stat(file)).ctimeMs));
      return new Map(files.map((file, index) => [file.slice(folder.length + 1), times[index] as number]));
    },
    read: (path, name) => readFile(join(root, path, name)),
    location: (path) => join(root, path),
  };
}
