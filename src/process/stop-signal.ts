/** Milliseconds within which a signal that comes again is the same one: npm passes on what the whole group has got. */
const REPEATED = 500;

/**
 * Calls `stop` at the first SIGINT or SIGTERM. One that comes again at once is the same, because Ctrl-C in a terminal
 * goes to the whole process group and npm sends it once more; a later one ends the process.
 */
export function onStopSignal(stop: (signal: NodeJS.Signals) => void): void {
  let first: number | undefined;
  const listener = (signal: NodeJS.Signals): void => {
    const now = performance.now();
    if (first === undefined) {
      first = now;
      stop(signal);
    } else if (now - first > REPEATED) {
      process.off('SIGINT', listener).off('SIGTERM', listener);
      process.kill(process.pid, signal);
    }
  };
  process.on('SIGINT', listener).on('SIGTERM', listener);
}
