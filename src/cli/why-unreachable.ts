import { setTimeout as delay } from 'node:timers/promises';
import type { NativeConnectionOptions } from '@temporalio/worker';
import { NativeConnection } from '@temporalio/worker';
import { tidy } from '../fhir/quote.ts';
import { connectionFault } from '../process/temporal-fault.ts';

/** Milliseconds of another attempt; the first one has waited. */
const PATIENCE = 5000;

/**
 * Why Temporal cannot be reached, with the variable to look at. The SDK's client says of most causes only that its time is
 * over; the connection of workers names them. So one is tried, which is not worth its loading time where all is well.
 *
 * @param error what `Connection.connect` has thrown
 */
export async function whyUnreachable(options: NativeConnectionOptions, error: Error): Promise<string> {
  const found = await Promise.race([faultOf(options), delay(PATIENCE, SILENCE)]);
  const said = (error.cause as Error | undefined)?.message ?? error.message;
  return found ?? tidy(said, 300);
}

const SILENCE = 'nothing answers there; check TEMPORAL_ADDRESS, TEMPORAL_TLS and what is in between';

/** @returns undefined when it can be reached now */
async function faultOf(options: NativeConnectionOptions): Promise<string | undefined> {
  try {
    await (await NativeConnection.connect(options)).close();
    return undefined;
  } catch (error) {
    return connectionFault(error);
  }
}
