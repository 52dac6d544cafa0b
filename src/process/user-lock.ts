import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ProcessIdentity } from './process-identity.ts';
import { identityOf, isAlive } from './process-identity.ts';

/** Milliseconds between two looks at a lock that another process holds. */
const PACE = 50;
/** Milliseconds of waiting after which the user learns for whom. */
const PATIENCE = 3000;
/** Earlier tickets that stay, so that a list which is read while they go still has a later one. */
const KEPT = 10;

/** Content of a ticket: who holds the lock by it. */
type Ticket = ProcessIdentity | { released: true };

/**
 * Does the work while no other process of this machine does work under the same folder of locks. The lock of a process
 * that has been killed counts no longer.
 *
 * Locks are files with rising numbers. The highest one tells who holds the lock. Whoever finds it released, or its owner
 * gone, makes the next one; of several that try only one can. So nothing that another process may hold is ever removed.
 *
 * @param folder of the lock alone
 * @param onWait called once with the process that holds the lock, when this takes long
 */
export async function withUserLock<T>(
  folder: string,
  work: () => Promise<T>,
  onWait: (pid: number) => void = () => {},
): Promise<T> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const own = await acquire(folder, onWait);
  try {
    return await work();
  } finally {
    await write(folder, (file) => rename(file, ticketFile(folder, own)), { released: true });
  }
}

async function acquire(folder: string, onWait: (pid: number) => void): Promise<number> {
  const identity = (await identityOf(process.pid)) as ProcessIdentity;
  const began = performance.now();
  let isSaid = false;
  for (;;) {
    const highest = await highestTicket(folder);
    const holder = await holderOf(folder, highest);
    if (holder !== undefined) {
      if (!isSaid && holder !== 'unknown' && performance.now() - began > PATIENCE) {
        isSaid = true;
        onWait(holder.pid);
      }
      await delay(PACE);
      continue;
    }
    const next = highest + 1;
    // Its number may have been given and removed since it was looked for; then there is a higher one.
    if ((await take(folder, next, identity)) && (await highestTicket(folder)) === next) {
      await removeEarlier(folder, next - KEPT);
      return next;
    }
  }
}

async function take(folder: string, ticket: number, identity: ProcessIdentity): Promise<boolean> {
  try {
    await write(folder, (file) => link(file, ticketFile(folder, ticket)), identity);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Who holds the lock by its highest ticket; `unknown`: look again; undefined: it is free. */
async function holderOf(folder: string, ticket: number): Promise<ProcessIdentity | 'unknown' | undefined> {
  if (ticket === 0) return undefined;
  const text = await readFile(ticketFile(folder, ticket), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new Error(`The lock cannot be read (${error.message}).`, { cause: error });
  });
  // Removed: a later one is there.
  if (text === undefined) return 'unknown';
  const found = readTicket(text);
  return !('released' in found) && (await isAlive(found)) ? found : undefined;
}

/** Tickets are not synced: after a power cut, which ends every holder, one may be empty. */
function readTicket(text: string): Ticket {
  try {
    return JSON.parse(text) as Ticket;
  } catch {
    return { released: true };
  }
}

/** 0 when there is none. */
async function highestTicket(folder: string): Promise<number> {
  const numbers = (await readdir(folder)).filter((name) => /^\d+$/.test(name)).map(Number);
  return Math.max(0, ...numbers);
}

async function removeEarlier(folder: string, upTo: number): Promise<void> {
  const names = (await readdir(folder)).filter((name) => /^\d+$/.test(name) && Number(name) <= upTo);
  await Promise.all(names.map((name) => rm(join(folder, name), { force: true })));
}

/** Writes a file whole, and gives it its name. */
async function write(folder: string, give: (file: string) => Promise<void>, content: Ticket): Promise<void> {
  const file = join(folder, `new-${randomUUID()}`);
  await writeFile(file, JSON.stringify(content), { mode: 0o600 });
  try {
    await give(file);
  } finally {
    await rm(file, { force: true });
  }
}

function ticketFile(folder: string, ticket: number): string {
  return join(folder, String(ticket));
}
