import { parseArguments, help, type DemoArguments } from './demo/arguments.ts';
import { runDemo } from './demo/run-demo.ts';

// `npm run demo`

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

try {
  const args = parseArguments(process.argv.slice(2));
  if (args === undefined) console.log(help);
  else await runUntilSignal(args);
} catch (error) {
  console.error(`\n${(error as Error).message}`);
  process.exitCode = 1;
}

/** A signal ends the demo in good order: the export is cancelled, everything is stopped. */
async function runUntilSignal(args: DemoArguments): Promise<void> {
  const stop = new AbortController();
  // Not `once`: a second Ctrl-C must not end the demo before its children.
  for (const signal of signals) process.on(signal, () => stop.abort(new Error(`Stopped by ${signal}.`)));
  await runDemo(args, stop.signal);
}
