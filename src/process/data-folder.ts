import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Folder of this user for what commands keep between calls: `XDG_DATA_HOME`, or the platform's own place.
 *
 * @param env default: the environment of this process
 */
export function dataFolder(env = process.env, platform: NodeJS.Platform = process.platform): string {
  const own =
    platform === 'darwin' ? join(homedir(), 'Library', 'Application Support') : join(homedir(), '.local', 'share');
  return join(env['XDG_DATA_HOME'] || own, 'fhir-bulk-export');
}
