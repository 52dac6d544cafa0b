import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { readPid } from '../../src/process/process-identity.ts';
import { stateFolder } from '../../src/temporal-server/embedded.ts';
import type { CliUser } from '../support/cli.ts';
import { newCliUser } from '../support/cli.ts';

let user: CliUser;
beforeEach(async () => {
  user = await newCliUser();
});
afterEach(() => user.leave());

test('a command that fails no longer counts as a user of the embedded server', async () => {
  await user.run(['list']);
  const folder = await stateFolder({ XDG_DATA_HOME: user.data });
  // It would remove what a process has left, though not at once.
  const guard = (await readPid(join(folder, 'guard.pid'))) as number;
  process.kill(guard, 'SIGSTOP');
  onTestFinished(() => void process.kill(guard, 'SIGCONT'));
  for (const command of ['status', 'watch', 'cancel', 'pause']) {
    expect(await user.run([command, 'unknown'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('knows no export "unknown"'),
    });
    expect(await readdir(join(folder, 'users')), command).toEqual([]);
  }
});
