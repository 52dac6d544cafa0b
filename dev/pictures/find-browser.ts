import { findOnPath } from '../../src/programs/cache.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'microsoft-edge'];

/**
 * Finds a browser: the program that `BROWSER_PATH` names, or a Chromium on the PATH.
 *
 * @throws Error that says what is missing
 */
export function findBrowser(env: NodeJS.ProcessEnv): string {
  const chosen = env['BROWSER_PATH'];
  if (chosen !== undefined && chosen !== '') return chosen;
  for (const name of NAMES) {
    try {
      return findOnPath(name, env);
    } catch {
      // The next one.
    }
  }
  throw new Error(
    `No browser: none of ${NAMES.join(', ')} is on the PATH.\n` +
      'Install Chromium (Debian: apt-get install chromium), or name a Chromium or Chrome in BROWSER_PATH.',
  );
}
