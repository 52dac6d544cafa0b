import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { projectRoot } from '../../src/programs/project.ts';
import { findProgram } from '../support/find-program.ts';

const run = promisify(execFile);
const folder = join(projectRoot, 'deploy/prometheus');
const promtool = await findProgram('promtool', 'PROMTOOL');
if (promtool === undefined) {
  console.warn('Alert rules are not tried: there is no promtool (Debian: apt-get install prometheus; or PROMTOOL=…).');
}

test.skipIf(promtool === undefined)(
  'the alert rules are valid, and each fires when it should and only then',
  async () => {
    const options = { cwd: folder };
    expect((await run(promtool as string, ['check', 'rules', 'alerts.yml'], options)).stdout).toContain('SUCCESS');
    expect((await run(promtool as string, ['test', 'rules', 'alerts.test.yml'], options)).stdout).toContain('SUCCESS');
  },
);
