import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';

const MODULE = new URL('../../dist/src/process/stop-signal.js', import.meta.url).href;
const PROGRAM = `
  import { onStopSignal } from '${MODULE}';
  setInterval(() => {}, 1000);
  onStopSignal(() => console.log('stopping'));
  console.log('ready');
`;

test('a signal that comes again at once is the same one; a later one ends the process', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const exited = once(child, 'exit');
  await expect.poll(() => said, { timeout: 10_000 }).toContain('ready');
  child.kill('SIGINT');
  await expect.poll(() => said, { timeout: 10_000, interval: 10 }).toContain('stopping');
  child.kill('SIGINT');
  await delay(700);
  expect([child.exitCode, child.signalCode]).toEqual([null, null]);
  child.kill('SIGINT');
  expect(await exited).toEqual([null, 'SIGINT']);
  expect(said.match(/stopping/g)).toHaveLength(1);
});
