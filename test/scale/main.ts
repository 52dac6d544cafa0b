import { findTemporalCli } from '../../src/temporal-server/cli.ts';
import { runScenario } from './scenario.ts';
import { SCENARIOS } from './scenarios.ts';
import { table } from './table.ts';

// `npm run scale [-- name…]`: large exports against a light server, and a table of what they took.

const wanted = process.argv.slice(2);
const help = `Usage: npm run scale [-- name…]

${Object.entries(SCENARIOS)
  .map(([name, scenario]) => `  ${name.padEnd(10)}${scenario.name}`)
  .join('\n')}`;

try {
  if (wanted.includes('--help')) console.log(help);
  else if (wanted.every((name) => Object.hasOwn(SCENARIOS, name))) await runAll();
  else throw new Error(help);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}

async function runAll(): Promise<void> {
  const cli = await findTemporalCli(console.log);
  const figures = [];
  for (const [name, scenario] of Object.entries(SCENARIOS)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    console.log(`${scenario.name} …`);
    figures.push(await runScenario(cli, scenario));
  }
  console.log(table(figures));
}
