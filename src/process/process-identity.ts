import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** A process, told from a later one that has the same number. */
export interface ProcessIdentity {
  pid: number;
  /** When it started, as the system tells it. */
  started: string;
}

/** @returns undefined when no such process runs */
export async function identityOf(pid: number): Promise<ProcessIdentity | undefined> {
  const started = process.platform === 'linux' ? await startedOnLinux(pid) : await startedByPs(pid);
  return started === undefined ? undefined : { pid, started };
}

/** Whether it still runs. */
export async function isAlive(one: ProcessIdentity): Promise<boolean> {
  return (await identityOf(one.pid))?.started === one.started;
}

/** Ticks from the start of the machine; images of Linux may lack `ps`. */
async function startedOnLinux(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The name of the program, in brackets, may hold anything. A zombie has ended.
  const [state, ...fields] = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
  return state === 'Z' || state === 'X' ? undefined : fields[18];
}

/** `ps` writes a time as the environment wants it; all processes must read the same. */
const PLAIN = { LC_ALL: 'C', TZ: 'UTC' };

async function startedByPs(pid: number): Promise<string | undefined> {
  const args = ['-o', 'lstart=', '-p', String(pid)];
  const answer = await promisify(execFile)('ps', args, { env: { ...process.env, ...PLAIN } }).catch(() => undefined);
  return answer?.stdout.trim() || undefined;
}

/** How a process was called; empty when there is none. */
export async function commandOf(pid: number): Promise<string> {
  if (process.platform === 'linux') return readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  const answer = await promisify(execFile)('ps', ['-o', 'command=', '-p', String(pid)]).catch(() => undefined);
  return answer?.stdout ?? '';
}

/** Process id in a file; undefined when there is none. */
export async function readPid(file: string): Promise<number | undefined> {
  const pid = Number(await readFile(file, 'utf8').catch(() => ''));
  return pid > 0 ? pid : undefined;
}
