// npm run sample-server: the server on its own, for trying a client by hand.
import { parseArgs } from 'node:util';
import { authHelp, authOptionTypes, authServerFrom } from './auth-server/arguments.ts';
import { startSampleServer, type FhirBulkVersion, type JournalEntry, type SampleServerOptions } from './index.ts';

const help = `Usage: npm run sample-server -- [options]

Starts a FHIR Bulk Data server with a generated hospital on 127.0.0.1.

  --port N                    default 8080; 0 takes a free port
  --patients N                size of the hospital, default 50 (5000 are about 100 MB)
  --seed N                    another hospital; default 1
  --fhir-version 1|2|3|4      edition of the Bulk Data IG, default 3
  --reading smart|hapi        hapi: of a repeated list only the first counts, as with HAPI FHIR
  --lines-per-file N          default 500
  --polls N                   "in progress" answers before completion, default 2
  --ready-after MS            completion by time instead
  --retry-after TEXT          Retry-After header of "in progress" answers, default 1
  --page-size N               files per manifest page (version 3 and later)
  --files-origin same|other   other: files come from a second port
  --requires-access-token     what the manifest says about files
  --throttle N                bytes per second and connection, for files
  --no-gzip                   never compress
  --base-path PATH            default /fhir
  --data-folder PATH          keep generated files here
  --state-file PATH           keep jobs here, so that they survive a restart
${authHelp}
  --help

Ctrl-C stops it.`;

const optionTypes = {
  port: { type: 'string', default: '8080' },
  patients: { type: 'string' },
  seed: { type: 'string' },
  'fhir-version': { type: 'string' },
  reading: { type: 'string' },
  'lines-per-file': { type: 'string' },
  polls: { type: 'string' },
  'ready-after': { type: 'string' },
  'retry-after': { type: 'string' },
  'page-size': { type: 'string' },
  'files-origin': { type: 'string' },
  'requires-access-token': { type: 'boolean' },
  throttle: { type: 'string' },
  'no-gzip': { type: 'boolean' },
  'base-path': { type: 'string' },
  'data-folder': { type: 'string' },
  'state-file': { type: 'string' },
  ...authOptionTypes,
  help: { type: 'boolean' },
} as const;

try {
  const { values } = parseArgs({ options: optionTypes });
  if (values.help) console.log(help);
  else await run(optionsFrom(values));
} catch (error) {
  const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
  const advice = taken ? 'Take another port with --port.' : 'Try --help.';
  console.error(`${error instanceof Error ? error.message : String(error)}\n${advice}`);
  process.exitCode = 1;
}

type Values = ReturnType<typeof parseArgs<{ options: typeof optionTypes }>>['values'];

function optionsFrom(values: Values): SampleServerOptions {
  const number = (name: keyof Values, property: keyof SampleServerOptions, from = 1, to = Number.MAX_SAFE_INTEGER) => {
    if (values[name] === undefined) return {};
    const value = values[name] === '' ? Number.NaN : Number(values[name]);
    if (!Number.isInteger(value) || value < from || value > to) {
      throw new Error(`--${name} needs a whole number of at least ${from}${to > 65535 ? '' : ` and at most ${to}`}`);
    }
    return { [property]: value };
  };
  const text = (name: keyof Values, property: keyof SampleServerOptions) =>
    values[name] === undefined ? {} : { [property]: values[name] };
  const origin = values['files-origin'];
  if (origin !== undefined && origin !== 'same' && origin !== 'other') {
    throw new Error('--files-origin needs same or other');
  }
  const { reading } = values;
  if (reading !== undefined && reading !== 'smart' && reading !== 'hapi') {
    throw new Error('--reading needs smart or hapi');
  }
  const authorization = authServerFrom(values);
  return {
    ...number('port', 'port', 0, 65535),
    ...number('patients', 'patients', 0),
    ...number('seed', 'seed', 0),
    ...(number('fhir-version', 'version', 1, 4) as { version?: FhirBulkVersion }),
    ...number('lines-per-file', 'linesPerFile'),
    ...number('polls', 'pollsUntilReady', 0),
    ...number('ready-after', 'readyAfterMs', 0),
    ...number('page-size', 'pageSize'),
    ...number('throttle', 'throttleBytesPerSecond'),
    ...text('retry-after', 'retryAfter'),
    ...text('base-path', 'basePath'),
    ...text('data-folder', 'dataFolder'),
    ...text('state-file', 'stateFile'),
    ...(origin && { filesOrigin: origin }),
    ...(reading && { reading }),
    requiresAccessToken: values['requires-access-token'] ?? false,
    gzip: !values['no-gzip'],
    ...(authorization && { authorization }),
  };
}

async function run(options: SampleServerOptions): Promise<void> {
  const server = await startSampleServer({
    ...options,
    onRequest(entry) {
      console.log(lineOf(entry));
      // Unlike a test, nobody looks at the journal here, and the process may run for days.
      server.journal.length = 0;
    },
  });
  console.log(`FHIR base URL: ${server.baseUrl}\nStart an export with:\n${example(server.baseUrl, options.version)}\n`);
  if (options.authorization !== undefined) {
    console.log('It needs an access token; where to get one: .well-known/smart-configuration below the base URL\n');
  }
  // Not only once: npm sends a signal again that the whole process group has got.
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
