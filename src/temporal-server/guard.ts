import { spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { commandOf, readPid } from '../process/process-identity.ts';

/** Seconds without a user after which the guard stops the server: the next command often comes soon. */
const GRACE = 10;
/** Seconds that a server has to end in order. */
const PATIENCE = 10;
/** A server that ends so often, each time within {@link STEADY} seconds, cannot run: its port is taken, the disk full, … */
const FAILURES = 3;
const STEADY = 10;
/** Milliseconds that a guard may take to say that it is there. */
const START = 10_000;

/**
 * A shell, because it waits for as long as any command runs, and takes a megabyte. Arguments: the folder with one file for
 * each user, named by its process id; a file for the guard's own process id; one for the server's; the server's command.
 *
 * It starts the server again when that ends. To stop, it renames the folder first: whoever comes later finds no folder
 * and waits until the guard has ended; whoever came just before is in it, and then the folder gets its name back. Files of
 * users that have ended are removed at once, before another process can get their number.
 */
const SCRIPT = `
users=$1; echo $$ >"$2"; pidfile=$3; shift 3
start() { "$@" & child=$!; echo "$child" >"$pidfile"; age=0; }
used() {
  found=1
  for file in "$1"/*; do
    if kill -0 "\${file##*/}" 2>/dev/null; then found=0; else rm -f "$file"; fi
  done
  return $found
}
finish() {
  kill -TERM "$child" 2>/dev/null
  left=${PATIENCE}
  while kill -0 "$child" 2>/dev/null && [ "$left" -gt 0 ]; do sleep 1; left=$((left - 1)); done
  kill -KILL "$child" 2>/dev/null
  wait "$child"
  exit
}
trap finish TERM INT HUP
start "$@"
idle=0; failures=0
while :; do
  sleep 1
  age=$((age + 1))
  if ! kill -0 "$child" 2>/dev/null; then
    [ "$age" -gt ${STEADY} ] && failures=0
    failures=$((failures + 1))
    [ "$failures" -ge ${FAILURES} ] && exit 1
    start "$@"
  fi
  if used "$users"; then idle=0; continue; fi
  idle=$((idle + 1))
  [ "$idle" -lt ${GRACE} ] && continue
  mv "$users" "$users.closed" || break
  used "$users.closed" || break
  mv "$users.closed" "$users"
  idle=0
done
finish
`;

/** What the guard needs. */
export interface Guarded {
  /** Has one file for each process that uses the server. */
  users: string;
  /** Gets the guard's process id. */
  guardPidFile: string;
  /** Gets the server's process id. */
  pidFile: string;
  /** Receives what the server prints; emptied first. */
  log: string;
  command: readonly string[];
}

/**
 * Starts a server, and a guard that stops it when nobody has used it for {@link GRACE} seconds. Both outlive this process
 * and everything else that uses the server, however these end.
 */
export async function startGuarded({ users, guardPidFile, pidFile, log, command }: Guarded): Promise<void> {
  const output = await open(log, 'w', 0o600);
  try {
    const guard = spawn('/bin/sh', ['-c', SCRIPT, 'guard', users, guardPidFile, pidFile, ...command], {
      // Of its own, so that Ctrl-C at a terminal, or its end, does not reach it.
      detached: true,
      // Both outlive this command: they hold no folder of it, and no secret.
      cwd: dirname(users),
      env: plainEnvironment(process.env),
      stdio: ['ignore', output.fd, output.fd],
    });
    await new Promise((resolve, reject) => guard.once('spawn', resolve).once('error', reject));
    guard.unref();
    for (const end = Date.now() + START; (await readPid(guardPidFile)) !== guard.pid; await delay(10)) {
      if (guard.exitCode !== null || guard.signalCode !== null) return;
      if (Date.now() > end) throw new Error(`its guard does not write ${guardPidFile}`);
    }
  } finally {
    await output.close();
  }
}

/** What a shell and Temporal's CLI need, and nothing that a configuration may keep in the environment. */
const NEEDED = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'LC_ALL', 'TZ', 'XDG_CONFIG_HOME', 'XDG_DATA_HOME'];

function plainEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(NEEDED.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}

/** Whether the guard of these users runs. */
export async function isGuarded({ users, guardPidFile }: Pick<Guarded, 'users' | 'guardPidFile'>): Promise<boolean> {
  const pid = await readPid(guardPidFile);
  return pid !== undefined && (await commandOf(pid)).includes(users);
}
