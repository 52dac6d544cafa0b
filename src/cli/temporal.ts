import type { ClientOptions, ConnectionOptions } from '@temporalio/client';
import { Client, Connection } from '@temporalio/client';
import type { NativeConnectionOptions } from '@temporalio/worker';
import { traceStarts } from '../client/trace-starts.ts';
import { payloadEncryption } from '../codec/payload-encryption.ts';
import { namespaceFault } from '../process/namespace-fault.ts';
import { temporalProfile, temporalSettings } from '../process/temporal-settings.ts';
import { findTemporalCli } from '../temporal-server/cli.ts';
import { useEmbeddedServer } from '../temporal-server/embedded.ts';

/** The Temporal service that a command uses. */
export interface Temporal {
  service: 'configured' | 'embedded';
  address: string;
  connectionOptions: NativeConnectionOptions;
  namespace: string;
  client: Client;
  /** Web UI and folder of the state, of the embedded server. */
  webUi?: string;
  state?: string;
  close(): Promise<void>;
}

/** Milliseconds within which a service must answer. */
const PATIENCE = 10_000;

/** Else the client, but not the workers, would go through a proxy of the environment, and to this machine, too. */
const DIRECTLY = { 'grpc.enable_http_proxy': 0 };

/**
 * Connects to the service that the `TEMPORAL_*` variables or Temporal's configuration file name; where there is none, to
 * the user's embedded one, which is started if need be.
 *
 * @param say receives lines about what takes long, such as a download
 * @throws Error when it cannot be reached
 */
export async function openTemporal(say: (line: string) => void): Promise<Temporal> {
  return isConfigured() ? openConfigured() : openEmbedded(say);
}

/**
 * Does something with the service of {@link openTemporal}, and leaves it afterwards, also when that throws: the embedded
 * server would take this command for one that still uses it.
 *
 * @param say default: to the standard error
 */
export async function withTemporal<Result>(
  work: (temporal: Temporal) => Promise<Result>,
  say: (line: string) => void = (line) => process.stderr.write(`${line}\n`),
): Promise<Result> {
  const temporal = await openTemporal(say);
  try {
    return await work(temporal);
  } finally {
    await temporal.close();
  }
}

/** The service that {@link openTemporal} would use. */
export function serviceOf(): Temporal['service'] {
  return isConfigured() ? 'configured' : 'embedded';
}

/** Whether a Temporal service is configured, be it by an address or by anything else that only a service needs. */
export function isConfigured(): boolean {
  const { address, namespace, apiKey, tls } = temporalProfile();
  return [address, namespace, apiKey, tls].some((one) => one !== undefined);
}

async function openConfigured(): Promise<Temporal> {
  const { connectionOptions, namespace = 'default' } = temporalSettings();
  const clientOptions = optionsOfClient();
  const address = connectionOptions.address ?? 'localhost:7233';
  let connection: Connection;
  try {
    const options = connectionOptions as ConnectionOptions;
    const channelArgs = { ...options.channelArgs, ...DIRECTLY };
    connection = await Connection.connect({ ...options, channelArgs, connectTimeout: PATIENCE });
  } catch (error) {
    const { whyUnreachable } = await import('./why-unreachable.ts');
    throw unusable(address, await whyUnreachable(connectionOptions, error as Error), error);
  }
  try {
    await requireNamespace(connection, namespace);
  } catch (error) {
    await connection.close();
    throw unusable(address, (error as Error).message, error);
  }
  const client = new Client({ connection, namespace, ...clientOptions });
  return { service: 'configured', address, connectionOptions, namespace, client, close: () => connection.close() };
}

function unusable(address: string, why: string, cause: unknown): Error {
  return new Error(
    `Temporal at ${address} cannot be used: ${why}. The TEMPORAL_* variables, or Temporal's configuration file, name it; ` +
      'without them an embedded server is used.',
    { cause },
  );
}

/** Where there is none, each call would say so in words of its own. Not everybody may ask. */
async function requireNamespace(connection: Connection, namespace: string): Promise<void> {
  const describe = () => connection.workflowService.describeNamespace({ namespace });
  try {
    await connection.withDeadline(Date.now() + PATIENCE, describe);
  } catch (error) {
    const fault = namespaceFault(error, namespace);
    if (fault !== undefined) throw new Error(fault, { cause: error });
  }
}

async function openEmbedded(say: (line: string) => void): Promise<Temporal> {
  // Keys that cannot be read are known before anything starts.
  const clientOptions = optionsOfClient();
  const server = await useEmbeddedServer(() => findTemporalCli(() => {}, process.env, say), say);
  const connectionOptions = { address: server.address };
  const connection = await Connection.connect({ ...connectionOptions, channelArgs: DIRECTLY });
  return {
    service: 'embedded',
    address: server.address,
    connectionOptions,
    namespace: 'default',
    client: new Client({ connection, ...clientOptions }),
    webUi: server.uiUrl,
    state: server.folder,
    close: async () => {
      await connection.close();
      await server.release();
    },
  };
}

/** Keys for what goes to Temporal, where there are some; and the trace that the command is a part of. */
function optionsOfClient(): Pick<ClientOptions, 'dataConverter' | 'interceptors'> {
  const dataConverter = payloadEncryption();
  return {
    interceptors: { workflow: [traceStarts(process.env['TRACEPARENT'])] },
    ...(dataConverter === undefined ? {} : { dataConverter }),
  };
}
