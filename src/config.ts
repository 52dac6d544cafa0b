import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import * as v from 'valibot';
import { AuditSchema } from './audit/audit-schema.ts';
import { SECRET_NAMES } from './auth/schemes/index.ts';
import { makePathsAbsolute } from './config/absolute-paths.ts';
import { checkAll, describeIssue } from './config/faults.ts';
import { Mapping, wholeNumber } from './config/fields.ts';
import { readYaml } from './config/yaml-text.ts';
import { SEARCH_ATTRIBUTES } from './contract.ts';
import { holds, overlapsOf } from './fhir-server/allowed-destinations.ts';
import { ServerSchema } from './fhir-server/server-schema.ts';
import { AddressSchema, MetricsSchema, TracesSchema } from './telemetry/addresses.ts';
import { DestinationSchema, placeOf } from './storage/destinations.ts';

export type { ServerConfig } from './fhir-server/server-schema.ts';
/** All that `fhir-bulk-export.yaml` says, with defaults filled in and paths absolute. */
export type Config = v.InferOutput<typeof ConfigSchema>;

/** Where the configuration is when `BULK_EXPORT_CONFIG` does not say otherwise, relative to the working folder. */
export const CONFIG_FILE = 'fhir-bulk-export.yaml';

const Name = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'names have letters, digits, "-", "_" and ".", at most 64'),
);

const ConfigSchema = v.pipe(
  Mapping,
  v.strictObject({
    servers: entriesOf(ServerSchema),
    destinations: entriesOf(DestinationSchema),
    /** Records who exported what. Default: none. */
    audit: v.optional(AuditSchema),
    /** Seconds without a heartbeat after which another worker takes a download up. Default 10. */
    heartbeatSeconds: v.optional(wholeNumber(5, 300)),
    /** Threads of a worker that fetch files. Default: as many as it has processors. */
    downloadThreads: v.optional(wholeNumber(1, 64)),
    /** Where metrics are: an address for Prometheus, or an OTLP collector. Default: none are exported. */
    metrics: v.optional(MetricsSchema),
    /** OTLP collector that gets traces. Default: none are made. */
    traces: v.optional(TracesSchema),
    /** Address at which probes ask whether the worker is ready. Default: none. */
    health: v.optional(AddressSchema),
    /** Search attributes of type Keyword that the namespace has, for services that do not let a worker ask. Default none. */
    searchAttributes: v.optional(
      v.array(
        v.picklist(Object.values(SEARCH_ATTRIBUTES), `must be one of ${Object.values(SEARCH_ATTRIBUTES).join(', ')}`),
        'must be a list',
      ),
    ),
  }),
);

function entriesOf<Schema extends v.GenericSchema>(schema: Schema) {
  return v.pipe(
    Mapping,
    v.record(Name, schema),
    v.check((entries) => Object.keys(entries).length > 0, 'must have at least one entry'),
  );
}

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

/**
 * Checks the text of a configuration.
 *
 * @param file that it is from; relative paths in the text are taken from its folder
 * @throws Error that names every fault with its place, in the order of the lines
 */
export function parseConfig(text: string, file: string): Config {
  const yaml = readYaml(text);
  if (yaml.kind === 'broken') throw faultsOf(file, yaml.faults);
  const checked = checkAll(ConfigSchema, yaml.content);
  if (checked.kind === 'faulty') {
    const faults = checked.issues.map((issue) => ({
      line: yaml.lineOf(issue.path?.map(({ key }) => key) ?? []),
      text: describeIssue(issue, [...SECRET_NAMES, 'proxyCredentials']),
    }));
    faults.sort((a, b) => (a.line ?? Infinity) - (b.line ?? Infinity));
    throw faultsOf(
      file,
      faults.map(({ line, text }) => (line === undefined ? text : `line ${line}: ${text}`)),
    );
  }
  const config = checked.output;
  const withPaths = [
    ...Object.values(config.servers).flatMap((server) => [server, server.auth, server.tls ?? {}]),
    ...Object.values(config.destinations),
    ...(config.audit === undefined ? [] : [config.audit.destination]),
    ...(typeof config.traces === 'object' ? [config.traces] : []),
  ];
  for (const fields of withPaths) makePathsAbsolute(fields, dirname(resolve(file)));
  const overlaps = overlapsIn(config);
  if (overlaps.length > 0) throw faultsOf(file, overlaps);
  return config;
}

function overlapsIn({ servers, destinations, audit }: Config): string[] {
  const places = Object.fromEntries(Object.entries(destinations).map(([name, config]) => [name, placeOf(config)]));
  const ofServers = Object.entries(servers).flatMap(([name, { allow = {} }]) =>
    overlapsOf(allow, places).map((overlap) => `servers.${name}.allow.destinations: ${overlap}`),
  );
  const trail = audit === undefined ? undefined : placeOf(audit.destination);
  const ofAudit = Object.entries(places)
    .filter(([, place]) => holds(place, trail) || holds(trail, place))
    .map(([name]) => `audit.destination: shares its place with destinations.${name}; give it one of its own`);
  return [...ofServers, ...ofAudit];
}

function faultsOf(file: string, faults: readonly string[]): Error {
  const number = faults.length === 1 ? 'a fault' : `${faults.length} faults`;
  return new Error(`${file} has ${number}:\n  ${faults.join('\n  ')}`);
}
