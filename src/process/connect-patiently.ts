import { setTimeout as delay } from 'node:timers/promises';
import type { NativeConnectionOptions } from '@temporalio/worker';
import { NativeConnection } from '@temporalio/worker';
import { tidy } from '../fhir/quote.ts';
import { namespaceFault } from './namespace-fault.ts';
import { isPassing } from './passing-error.ts';
import { passingFault, permanentFault } from './temporal-fault.ts';

/** Milliseconds between attempts to reach a Temporal server. */
const RECONNECT = 2000;
/** Milliseconds that it may take to describe the namespace. */
const ANSWER = 10_000;

/**
 * Connects to Temporal, and waits while it is unreachable: the SDK gives up at once then, and soon when there is nothing
 * behind its frontend.
 *
 * @param onTrouble is called after each attempt that failed, with the reason
 * @returns undefined when stopped before
 * @throws Error when waiting would not help: credentials or certificates are refused, or there is no such namespace
 */
export async function connectPatiently(
  options: NativeConnectionOptions,
  {
    namespace = 'default',
    signal,
    onTrouble,
  }: {
    namespace: string | undefined;
    signal: AbortSignal;
    onTrouble: (reason: string, isFirst: boolean) => void;
  },
): Promise<NativeConnection | undefined> {
  for (let isFirst = true; !signal.aborted; isFirst = false) {
    const attempt = await tryToConnect(options, namespace, signal);
    if (attempt.kind === 'connected') return attempt.connection;
    if (signal.aborted) break;
    onTrouble(attempt.reason, isFirst);
    await delay(RECONNECT, undefined, { signal }).catch(() => {});
  }
  return undefined;
}

async function tryToConnect(
  options: NativeConnectionOptions,
  namespace: string,
  signal: AbortSignal,
): Promise<{ kind: 'connected'; connection: NativeConnection } | { kind: 'trouble'; reason: string }> {
  try {
    const connection = await NativeConnection.connect(options);
    const reason = await troubleOfNamespace(connection, namespace, signal);
    if (reason === undefined) return { kind: 'connected', connection };
    await connection.close();
    return { kind: 'trouble', reason };
  } catch (error) {
    const fault = permanentFault(error);
    if (fault !== undefined) throw new Error(`Temporal at ${options.address}: ${fault}`, { cause: error });
    return { kind: 'trouble', reason: passingFault(error) };
  }
}

/**
 * Why the namespace cannot be used yet. What else is permanent is left to the workers, which name it.
 *
 * @throws Error when there is no such namespace
 */
async function troubleOfNamespace(
  connection: NativeConnection,
  namespace: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const describe = () => connection.workflowService.describeNamespace({ namespace });
  try {
    await connection.withDeadline(Date.now() + ANSWER, () => connection.withAbortSignal(signal, describe));
    return undefined;
  } catch (error) {
    const fault = namespaceFault(error, namespace);
    if (fault !== undefined) {
      await connection.close();
      throw new Error(fault, { cause: error });
    }
    return signal.aborted || isPassing(error) ? tidy((error as Error).message, 500) : undefined;
  }
}
