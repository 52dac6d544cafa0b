import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import * as v from 'valibot';
import { LineCounter, parseDocument } from 'yaml';
import { SEARCH_ATTRIBUTES } from './contract.ts';
import { isLoopback } from './http/check-url.ts';

/** Where the configuration is when `BULK_EXPORT_CONFIG` does not say otherwise, relative to the working folder. */
export const CONFIG_FILE = 'fhir-bulk-export.yaml';

/** How a worker proves itself to a FHIR server. Secrets come from files or the environment, never from the YAML text. */
export type AuthConfig = v.InferOutput<typeof AuthSchema>;
/** A FHIR server that this worker knows. */
export type ServerConfig = v.InferOutput<typeof ServerSchema>;
/** A place that this worker can write to. */
export type DestinationConfig = v.InferOutput<typeof DestinationSchema>;
/** A bucket, or a prefix in one. */
export type S3DestinationConfig = v.InferOutput<typeof S3>;
/** All that `fhir-bulk-export.yaml` says, with defaults filled in and paths absolute. */
export type Config = v.InferOutput<typeof ConfigSchema>;

/** Lists are objects to the schema library, too. */
const Mapping = v.custom<Record<string, unknown>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'must be a mapping',
);
const Text = v.pipe(v.string('must be text'), v.nonEmpty('must not be empty'));
const HttpUrl = v.pipe(
  Text,
  v.rawTransform(({ dataset, addIssue }) => {
    const fault = faultOfUrl(dataset.value);
    if (fault !== undefined) addIssue({ message: fault });
    return dataset.value;
  }),
);
/** Without a slash at its end: paths are appended to it. */
const BaseUrl = v.pipe(
  HttpUrl,
  v.transform((url) => url.replace(/\/+$/, '')),
);
const Origin = v.pipe(
  HttpUrl,
  v.transform((url) => (URL.canParse(url) ? new URL(url).origin : url)),
);

const BackendServices = v.strictObject({
  type: v.literal('smart-backend'),
  clientId: Text,
  privateKeyFile: v.optional(Text),
  privateKeyEnv: v.optional(Text),
  keyId: v.optional(Text),
  jku: v.optional(HttpUrl),
  tokenUrl: v.optional(HttpUrl),
  scope: v.optional(Text),
});
const ClientSecret = v.strictObject({
  type: v.literal('client-secret'),
  clientId: Text,
  clientSecretFile: v.optional(Text),
  clientSecretEnv: v.optional(Text),
  /** Where the secret goes in the token request; default `basic`, HTTP Basic. */
  secretIn: v.optional(v.picklist(['basic', 'form'], 'must be basic or form'), 'basic'),
  tokenUrl: HttpUrl,
  scope: v.optional(Text),
});
const Basic = v.strictObject({
  type: v.literal('basic'),
  username: Text,
  passwordFile: v.optional(Text),
  passwordEnv: v.optional(Text),
});
const Bearer = v.strictObject({ type: v.literal('bearer'), tokenFile: v.optional(Text), tokenEnv: v.optional(Text) });
const None = v.strictObject({ type: v.literal('none') });

const AuthSchema = v.pipe(
  v.variant(
    'type',
    [BackendServices, ClientSecret, Basic, Bearer, None],
    'must have a type: smart-backend, client-secret, basic, bearer or none',
  ),
  v.rawCheck(({ dataset, addIssue }) => {
    const secret = {
      'smart-backend': 'privateKey',
      'client-secret': 'clientSecret',
      basic: 'password',
      bearer: 'token',
    };
    // Looked at even when other fields are wrong, so that every fault is named at once.
    const auth = dataset.value as Partial<v.InferOutput<typeof BackendServices>> | null;
    const type = (auth?.type ?? 'none') as keyof typeof secret | 'none';
    if (type === 'none' || !Object.hasOwn(secret, type)) return;
    const name = secret[type];
    const given = [`${name}File`, `${name}Env`].filter((key) => key in (auth as object));
    if (given.length !== 1) addIssue({ message: `must have exactly one of ${name}File and ${name}Env` });
  }),
);

const TlsFields = v.pipe(
  Mapping,
  v.strictObject({ caFile: v.optional(Text), certFile: v.optional(Text), keyFile: v.optional(Text) }),
  v.check(
    ({ certFile, keyFile }) => (certFile === undefined) === (keyFile === undefined),
    'must have both certFile and keyFile, or neither',
  ),
);
const ProxyUrl = v.pipe(
  Text,
  v.check(
    (text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && !text.includes('@'),
    'must be a URL such as http://proxy.example:3128, without a user name',
  ),
);

const ServerFields = v.strictObject({
  baseUrl: BaseUrl,
  tls: v.optional(TlsFields),
  proxy: v.optional(ProxyUrl),
  /** Seconds without response headers, or without a byte of a file, after which an attempt is ended. Default 60. */
  stallSeconds: v.optional(
    v.pipe(v.number('must be a number'), v.minValue(1, 'must be 1 to 3600'), v.maxValue(3600, 'must be 1 to 3600')),
  ),
  auth: v.optional(AuthSchema, { type: 'none' }),
  fileOrigins: v.optional(v.array(Origin, 'must be a list of origins'), []),
  maxConcurrentDownloads: v.optional(
    v.pipe(
      v.number('must be a number'),
      v.integer('must be a whole number'),
      v.minValue(1, 'must be 1 to 64'),
      v.maxValue(64, 'must be 1 to 64'),
    ),
    8,
  ),
  kickOffMethod: v.optional(v.picklist(['auto', 'get', 'post'], 'must be auto, get or post'), 'auto'),
  /** `full`: every line of a file is parsed; `fast`: only those that do not look right. Default `fast`. */
  checks: v.optional(v.picklist(['fast', 'full'], 'must be fast or full'), 'fast'),
  headers: v.optional(
    v.pipe(
      Mapping,
      v.record(
        v.pipe(
          Text,
          v.regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'is no header name'),
          // It would be written into the YAML text, and go to files that must not have it.
          v.check((name) => !/^(proxy-)?authorization$/i.test(name), 'is not set here; use auth'),
        ),
        v.pipe(Text, v.regex(/^[\t\x20-\x7e]*$/, 'must be printable ASCII')),
      ),
    ),
    {},
  ),
});

const ServerSchema = v.pipe(Mapping, ServerFields);

const Directory = v.strictObject({ type: v.literal('directory'), path: Text });
const S3 = v.strictObject({
  type: v.literal('s3'),
  bucket: v.pipe(
    Text,
    v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'must be the name of a bucket only; what comes behind it goes to prefix'),
  ),
  /** Without slashes around it. */
  prefix: v.optional(
    v.pipe(
      Text,
      v.transform((text) => text.replace(/^\/+|\/+$/g, '')),
      // Some endpoints, proxies and tools resolve such segments as paths of a URL.
      v.check(
        (text) => text === '' || text.split('/').every((segment) => !/^\.{0,2}$/.test(segment)),
        'must be names with "/" between them, none of them "." or ".."',
      ),
    ),
  ),
  region: v.optional(Text),
  endpoint: v.optional(HttpUrl),
  forcePathStyle: v.optional(v.boolean('must be true or false')),
});
const DestinationSchema = v.variant('type', [Directory, S3], 'must have a type: directory or s3');

const Name = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'names have letters, digits, "-", "_" and ".", at most 64'),
);
const ConfigFields = v.strictObject({
  servers: v.pipe(
    Mapping,
    v.record(Name, ServerSchema),
    v.check((servers) => Object.keys(servers).length > 0, 'must have at least one entry'),
  ),
  destinations: v.pipe(
    Mapping,
    v.record(Name, DestinationSchema),
    v.check((destinations) => Object.keys(destinations).length > 0, 'must have at least one entry'),
  ),
  /** Seconds without a heartbeat after which another worker takes a download up. Default 10. */
  heartbeatSeconds: v.optional(
    v.pipe(
      v.number('must be a number'),
      v.integer('must be a whole number'),
      v.minValue(5, 'must be 5 to 300'),
      v.maxValue(300, 'must be 5 to 300'),
    ),
  ),
  /** Search attributes of type Keyword that the namespace has, for services that do not let a worker ask. Default none. */
  searchAttributes: v.optional(
    v.array(
      v.picklist(Object.values(SEARCH_ATTRIBUTES), `must be one of ${Object.values(SEARCH_ATTRIBUTES).join(', ')}`),
      'must be a list',
    ),
  ),
});
const ConfigSchema = v.pipe(Mapping, ConfigFields);

/**
 * Reads and checks the whole configuration.
 *
 * @param file default: `BULK_EXPORT_CONFIG`, else {@link CONFIG_FILE} in the working folder
 * @throws Error that names every fault with its place, or says that there is no such file
 */
export async function loadConfig(file: string = process.env['BULK_EXPORT_CONFIG'] ?? CONFIG_FILE): Promise<Config> {
  const path = resolve(file);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new Error(
      `No configuration: ${path} cannot be read (${(error as NodeJS.ErrnoException).code}). ` +
        `Create it (docs/reference.md, "Configuration") or name another file in BULK_EXPORT_CONFIG.`,
      { cause: error },
    );
  }
  return parseConfig(text, path);
}

/** Checks the text of a configuration; relative paths in it are taken from its file's folder. */
export function parseConfig(text: string, file: string): Config {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: true });
  const fail = (faults: string[]): never => {
    throw new Error(
      `${file} has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n  ${faults.join('\n  ')}`,
    );
  };
  if (document.errors.length > 0) return fail(document.errors.map(({ message }) => firstLine(message)));
  let content: unknown;
  try {
    content = document.toJS() ?? {};
  } catch (error) {
    // An alias without its anchor, or too many of them.
    return fail([firstLine((error as Error).message)]);
  }
  const { issues, output } = checkAll(content);
  if (output === undefined) {
    const faults = issues.map((issue) => ({ line: lineOf(issue), text: describe(issue) }));
    faults.sort((a, b) => (a.line ?? Infinity) - (b.line ?? Infinity));
    return fail(faults.map(({ line, text }) => `${line === undefined ? '' : `line ${line}: `}${text}`));
  }
  return withAbsolutePaths(output, dirname(resolve(file)));

  function lineOf(issue: v.BaseIssue<unknown>): number | undefined {
    const keys = issue.path?.map((item) => item.key) ?? [];
    for (let length = keys.length; length > 0; length--) {
      const node = document.getIn(keys.slice(0, length), true) as { range?: [number, number, number] } | undefined;
      if (node?.range !== undefined) return lines.linePos(node.range[0]).line;
    }
    return undefined;
  }
}

/** The schema stops at the first unknown field of a mapping; here each is found, by leaving out the ones before it. */
function checkAll(content: unknown): { issues: v.BaseIssue<unknown>[]; output?: Config } {
  const unknown: v.BaseIssue<unknown>[] = [];
  for (;;) {
    const parsed = v.safeParse(ConfigSchema, content);
    if (parsed.success) return unknown.length === 0 ? { issues: [], output: parsed.output } : { issues: unknown };
    const found = parsed.issues.filter(isUnknownField);
    if (found.length === 0) return { issues: [...unknown, ...parsed.issues] };
    unknown.push(...found);
    for (const { path } of found) {
      const field = path?.at(-1) as { input: Record<string, unknown>; key: string };
      delete field.input[field.key];
    }
  }
}

function isUnknownField(issue: v.BaseIssue<unknown>): boolean {
  return issue.type === 'strict_object' && issue.expected === 'never';
}

function firstLine(message: string): string {
  return (message.split('\n')[0] as string).replace(/:$/, '');
}

function describe(issue: v.BaseIssue<unknown>): string {
  return `${v.getDotPath(issue) ?? 'configuration'}: ${faultOf(issue)}`;
}

function faultOf(issue: v.BaseIssue<unknown>): string {
  if (isUnknownField(issue)) {
    const name = String(issue.path?.at(-1)?.key);
    return /^(privateKey|clientSecret|password|token)$/.test(name)
      ? `secrets are not written here; use ${name}File or ${name}Env`
      : 'unknown field, remove it';
  }
  if (issue.type === 'strict_object' && issue.received === 'undefined') return 'is missing';
  return issue.received === 'undefined' && issue.kind === 'schema' ? `is missing, ${issue.message}` : issue.message;
}

function withAbsolutePaths(config: Config, folder: string): Config {
  for (const { auth, tls } of Object.values(config.servers)) {
    for (const fields of [auth, tls ?? {}] as Record<string, unknown>[]) {
      for (const [key, value] of Object.entries(fields)) {
        if (key.endsWith('File') && typeof value === 'string') fields[key] = resolve(folder, value);
      }
    }
  }
  for (const destination of Object.values(config.destinations)) {
    if (destination.type === 'directory') destination.path = resolve(folder, destination.path);
  }
  return config;
}

/** Plain http would show the data and the token to everybody on the way (Bulk Data IG, security considerations). */
function faultOfUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return 'must be a URL such as https://fhir.example/r4';
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return 'must not contain a user name or password; use auth';
  if (url.search !== '' || url.hash !== '') return 'must not contain "?" or "#"';
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url))) return undefined;
  return url.protocol === 'http:' ? 'must be https: (http: is allowed on loopback only)' : 'must be https:';
}
