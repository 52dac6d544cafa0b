// npm run sample-server: the server on its own, for trying a client by hand.
import { help, readArguments } from './arguments.ts';
import type { JournalEntry } from './journal.ts';
import type { FhirBulkVersion, SampleServerOptions } from './options.ts';
import { startSampleServer } from './server.ts';

try {
  const asked = readArguments(process.argv.slice(2));
  if (asked.kind === 'help') console.log(help);
  else await run(asked.options);
} catch (error) {
  const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
  const advice = taken ? 'Take another port with --port.' : 'Try --help.';
  console.error(`${error instanceof Error ? error.message : String(error)}\n${advice}`);
  process.exitCode = 1;
}

async function run(options: SampleServerOptions): Promise<void> {
  const server = await startSampleServer({
    ...options,
    onRequest(entry) {
      console.log(lineOf(entry));
      // No test reads the journal here, and the process may run for days.
      server.journal.length = 0;
    },
  });
  console.log(`FHIR base URL: ${server.baseUrl}\nStart an export with:\n${example(server.baseUrl, options.version)}\n`);
  if (options.authorization !== undefined) {
    console.log('It needs an access token; where to get one: .well-known/smart-configuration below the base URL\n');
  }
  // Once only: npm sends a second signal besides the one that the whole process group receives.
  let closing: Promise<void> | undefined;
  const stop = () => void (closing ??= server.close());
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}

function example(baseUrl: string, version: FhirBulkVersion | undefined): string {
  const headers = "-H 'Accept: application/fhir+json' -H 'Prefer: respond-async'";
  if (version !== 4) return `  curl -i ${headers} '${baseUrl}/Patient/$export'`;
  const body = `-H 'Content-Type: application/fhir+json' -d '{"resourceType":"Parameters"}'`;
  return `  curl -i ${headers} ${body} '${baseUrl}/Patient/$export'`;
}

function lineOf({ at, method, url, status, bytesSent, finished, rangeStart }: JournalEntry): string {
  const notes = [rangeStart !== undefined && `from byte ${rangeStart}`, !finished && 'not finished'].filter(Boolean);
  const time = new Date(at).toTimeString().slice(0, 8);
  return [time, status, method, url, `${bytesSent} bytes`, ...notes].join(' ');
}
