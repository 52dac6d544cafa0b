import { parseArguments, help, type DemoArguments } from './demo/arguments.ts';
import { runDemo } from './demo/run-demo.ts';
import { findTemporalCli } from '../src/temporal-server/cli.ts';

// `npm run demo`

try {
  const args = parseArguments(process.argv.slice(2));
  if (args === undefined) console.log(help);
  else await run(args);
} catch (error) {
  console.error(`\n${(error as Error).message}`);
  process.exitCode = 1;
}

async function run(args: DemoArguments): Promise<void> {
  const cli = await findTemporalCli(console.log);
  // Only from here on: a signal during the search ends this process and its download or build at once.
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => stop.abort(new Error(`Stopped by ${signal}.`)));
  }
  await runDemo(args, cli, stop.signal);
}
