import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { projectRoot } from '../../src/programs/project.ts';

const run = promisify(execFile);
const folder = join(projectRoot, 'deploy/prometheus');
const promtool = await findPromtool();

/** `PROMTOOL`, or one on the PATH; undefined: there is none, and nothing is installed for a test. */
async function findPromtool(): Promise<string | undefined> {
  const candidates = [
    process.env['PROMTOOL'] ?? '',
    ...(process.env['PATH'] ?? '').split(delimiter).map((place) => join(place, 'promtool')),
  ].filter((file) => file !== '');
  for (const file of candidates) {
    if (
      await access(file).then(
        () => true,
        () => false,
      )
    )
      return file;
  }
  console.warn('Alert rules are not tried: there is no promtool (Debian: apt-get install prometheus; or PROMTOOL=…).');
  return undefined;
}

test.skipIf(promtool === undefined)(
  'the alert rules are valid, and each fires when it should and only then',
  async () => {
    const options = { cwd: folder };
    expect((await run(promtool as string, ['check', 'rules', 'alerts.yml'], options)).stdout).toContain('SUCCESS');
    expect((await run(promtool as string, ['test', 'rules', 'alerts.test.yml'], options)).stdout).toContain('SUCCESS');
  },
);
