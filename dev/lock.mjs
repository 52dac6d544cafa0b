import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const staleAfter = 10 * 60_000;

/**
 * Does the work while no other process on this machine does work under the same lock file. The lock of a process that
 * has ended, or one older than ten minutes, does not count.
 */
export async function withLock(file, work) {
  for (let turn = 0; !take(file); turn += 1) {
    if (turn === 10) console.log('Waiting for another build of this project.');
    if (isStale(file)) rmSync(file, { force: true });
    else await sleep(100);
  }
  const release = () => rmSync(file, { force: true });
  process.on('exit', release);
  try {
    return await work();
  } finally {
    process.off('exit', release);
    release();
  }
}

function take(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function isStale(file) {
  try {
    if (Date.now() - statSync(file).mtimeMs > staleAfter) return true;
    const owner = Number(readFileSync(file, 'utf8'));
    // An empty file: its owner is about to write it.
    if (owner > 0) process.kill(owner, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}
