import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createAuthServer, type AuthServer } from './auth-server/auth-server.ts';
import type { PublicKeys } from './auth-server/options.ts';
import type { FhirBulkVersion, SampleServerOptions } from './options.ts';

export const help = `Usage: npm run sample-server -- [options]

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
  --requires-access-token     files need the access token, as the manifest then says
  --throttle N                bytes per second and connection, for files
  --no-gzip                   never compress
  --base-path PATH            default /fhir
  --data-folder PATH          keep generated files here
  --state-file PATH           keep jobs here, so that they survive a restart
  --auth none|backend         backend: SMART Backend Services; default none
  --jwks FILE                 public keys of the client, a JWK Set
  --client-id ID              default demo-client
  --client-secret TEXT        for clients without keys
  --token-lifetime SECONDS    default 60
  --help

Ctrl-C stops it.`;

const authOptionTypes = {
  auth: { type: 'string' },
  jwks: { type: 'string' },
  'client-id': { type: 'string' },
  'client-secret': { type: 'string' },
  'token-lifetime': { type: 'string' },
} as const;

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

type Values = ReturnType<typeof parseArgs<{ options: typeof optionTypes }>>['values'];

/** What the command line asks for. */
export type Arguments =
  { kind: 'help' } | { kind: 'run'; options: SampleServerOptions & { authorization: AuthServer | undefined } };

/**
 * Reads the command line.
 *
 * @throws Error for an unknown option and for a value that an option does not take
 */
export function readArguments(args: string[]): Arguments {
  const { values } = parseArgs({ args, options: optionTypes });
  if (values.help) return { kind: 'help' };
  const number = (name: keyof Values, from = 1, to?: number) => wholeNumber(values, name, from, to);
  return {
    kind: 'run',
    options: {
      port: number('port', 0, 65535),
      patients: number('patients', 0),
      seed: number('seed', 0),
      version: number('fhir-version', 1, 4) as FhirBulkVersion | undefined,
      reading: oneOf('reading', values.reading, ['smart', 'hapi']),
      linesPerFile: number('lines-per-file'),
      pollsUntilReady: number('polls', 0),
      readyAfterMs: number('ready-after', 0),
      retryAfter: values['retry-after'],
      pageSize: number('page-size'),
      filesOrigin: oneOf('files-origin', values['files-origin'], ['same', 'other']),
      requiresAccessToken: values['requires-access-token'],
      throttleBytesPerSecond: number('throttle'),
      gzip: !values['no-gzip'],
      basePath: values['base-path'],
      dataFolder: values['data-folder'],
      stateFile: values['state-file'],
      authorization: authServerFrom(values),
    },
  };
}

function wholeNumber(values: Values, name: keyof Values, from: number, to?: number): number | undefined {
  if (values[name] === undefined) return undefined;
  const value = values[name] === '' ? Number.NaN : Number(values[name]);
  if (!Number.isSafeInteger(value) || value < from || value > (to ?? Infinity)) {
    const limit = to === undefined ? '' : ` and at most ${to}`;
    throw new Error(`--${name} needs a whole number of at least ${from}${limit}`);
  }
  return value;
}

function oneOf<T extends string>(name: keyof Values, value: string | undefined, choices: T[]): T | undefined {
  const found = choices.find((choice) => choice === value);
  if (value !== undefined && found === undefined) throw new Error(`--${name} needs ${choices.join(' or ')}`);
  return found;
}

/** The authorization server of `--auth backend`. */
function authServerFrom(values: Values): AuthServer | undefined {
  const { jwks, 'client-id': clientId, 'client-secret': clientSecret } = values;
  if ((oneOf('auth', values.auth, ['none', 'backend']) ?? 'none') === 'none') {
    const other = Object.keys(values).find((name) => name !== 'auth' && Object.hasOwn(authOptionTypes, name));
    if (other !== undefined) throw new Error(`--${other} needs --auth backend`);
    return undefined;
  }
  if (jwks === undefined && clientSecret === undefined) {
    throw new Error('--auth backend needs --jwks or --client-secret');
  }
  return createAuthServer({
    lifetime: wholeNumber(values, 'token-lifetime', 1) ?? 60,
    jwks: jwks === undefined ? undefined : readPublicKeys(jwks),
    clientId,
    clientSecret,
  });
}

function readPublicKeys(path: string): PublicKeys {
  const value = JSON.parse(readFileSync(path, 'utf8')) as Partial<PublicKeys>;
  if (!Array.isArray(value.keys)) throw new Error(`${path} is not a JWK Set, {"keys": [...]}`);
  return { keys: value.keys };
}
