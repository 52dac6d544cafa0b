import { isIP } from 'node:net';
import * as v from 'valibot';
import { secretFields } from '../auth/schemes/secret-fields.ts';

/** An address to listen on, such as `127.0.0.1:9464` or `[::1]:9464`. */
export interface ListenAddress {
  host: string;
  port: number;
}

/** Reads an address to listen on; undefined when it is none. */
export function readAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3]);
  return isIP(host) !== 0 && port <= 65_535 ? { host, port } : undefined;
}

const NO_ADDRESS = 'must be an IP address with a port to listen on, such as 127.0.0.1:9465';
const NO_METRICS_ADDRESS = 'must be an IP address with a port to listen on, such as 127.0.0.1:9464';

/** Address to listen on, in the configuration. */
export const AddressSchema = v.pipe(
  v.string(NO_ADDRESS),
  v.check((text) => readAddress(text) !== undefined, NO_ADDRESS),
);

const NO_TARGET = `${NO_METRICS_ADDRESS}, or the URL of an OTLP collector, such as http://127.0.0.1:4317`;

/** Where metrics go: an address at which Prometheus finds them, or an OTLP collector that gets them. */
export const MetricsSchema = v.pipe(
  v.string(NO_TARGET),
  v.check((text) => readAddress(text) !== undefined || isCollector(text), NO_TARGET),
);

const NO_COLLECTOR = 'must be the URL of an OTLP collector (HTTP), such as http://127.0.0.1:4318';

/** URL of the OTLP collector that gets traces. */
export const CollectorSchema = v.pipe(v.string(NO_COLLECTOR), v.check(isCollector, NO_COLLECTOR));

const CollectorWithHeaders = v.pipe(
  v.strictObject({ url: CollectorSchema, ...secretFields('headers') }),
  v.check(
    ({ headersFile, headersEnv }) => headersFile === undefined || headersEnv === undefined,
    'has headersFile and headersEnv; remove one',
  ),
);

/** Where traces go: the URL alone, or with where the headers are that the collector asks for. */
export const TracesSchema = v.lazy((input) =>
  typeof input === 'object' && input !== null ? CollectorWithHeaders : CollectorSchema,
);
export type TracesConfig = v.InferOutput<typeof TracesSchema>;

/** Whether metrics are sent, and not fetched. */
export function isCollector(text: string): boolean {
  return /^https?:\/\/[^@]+$/.test(text) && URL.canParse(text);
}

/**
 * What a variable of the environment says, which wins over the configuration; an empty one turns off.
 *
 * @throws Error when it is not of the schema
 */
export function fromEnvironment<Configured>(
  schema: v.GenericSchema<string>,
  variable: string,
  configured: Configured | undefined,
  env: NodeJS.ProcessEnv,
): string | Configured | undefined {
  const text = env[variable];
  if (text === undefined) return configured;
  if (text === '') return undefined;
  const checked = v.safeParse(schema, text);
  if (checked.success) return text;
  // What stands before "@" or behind "?" may be a secret.
  const given = /[@?#]/.test(text) ? '' : `; this is ${JSON.stringify(text.slice(0, 100))}`;
  throw new Error(`${variable}: ${checked.issues[0].message}${given}`);
}

/** A target as a log may show it: of a URL the origin, because some collectors have tokens in their paths and queries. */
export function shownTarget(target: string | undefined): string | undefined {
  return target !== undefined && isCollector(target) ? new URL(target).origin : target;
}
