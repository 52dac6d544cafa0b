import { load } from './fhir-client.ts';
import { makeHospital } from './hospital.ts';
import { SCENARIOS } from './scenarios.ts';
import { openStage } from './stage.ts';

// `npm run interop [-- part of a scenario's name]`: exports from a HAPI FHIR server, compared with what it finds itself.

try {
  await runAll(process.argv[2] ?? '');
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}

async function runAll(part: string): Promise<void> {
  const begin = Date.now();
  const stage = await openStage(console.log);
  try {
    const hospital = makeHospital();
    await load(stage.baseUrl, hospital);
    console.log(`HAPI FHIR is ready with ${hospital.length} resources after ${seconds(begin)}.\n`);
    console.log('| export | time | files | resources |\n|---|---|---|---|');
    let failures = 0;
    for (const { name, execute } of SCENARIOS.filter((scenario) => scenario.name.includes(part))) {
      const from = Date.now();
      try {
        const report = await execute(stage);
        console.log(`| ${name} | ${seconds(from)} | ${report?.files ?? '–'} | ${report?.resources ?? '–'} |`);
      } catch (error) {
        failures++;
        console.log(`| ${name} | ${seconds(from)} | FAILED | |`);
        console.error(error);
      }
    }
    console.log(`\n${failures === 0 ? 'All equal' : `${failures} failed`}, after ${seconds(begin)}.`);
    if (failures > 0) process.exitCode = 1;
  } finally {
    await stage.close();
  }
}

function seconds(from: number): string {
  return `${((Date.now() - from) / 1000).toFixed(1)} s`;
}
