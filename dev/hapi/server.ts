import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { killGroup, spawnOwned } from '../../src/programs/child.ts';
import { freePorts, isListening } from '../../src/temporal-server/ports.ts';

/** Milliseconds. */
const START_LIMIT = 180_000;

/** A running HAPI FHIR server on loopback; its data end with it. */
export interface HapiServer {
  baseUrl: string;
  stop(): Promise<void>;
}

/**
 * Starts HAPI FHIR and waits until it listens. It ends with this process, even when this process is killed by SIGKILL.
 *
 * @param program path of the server
 * @throws Error when it ends or does not listen within 3 minutes, with its last errors
 */
export async function startHapiServer(program: string): Promise<HapiServer> {
  const [port = 0] = await freePorts(1);
  const child = spawnOwned(program, [String(port)], { stdio: ['ignore', 'ignore', 'pipe'] });
  const exited = once(child, 'exit');
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-2000)));
  const stop = async (): Promise<void> => {
    killGroup(child, 'SIGKILL');
    await exited;
  };
  const deadline = Date.now() + START_LIMIT;
  while (!(await isListening(port))) {
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error(`The HAPI FHIR server did not start: ${errors}`);
    }
    await sleep(200);
  }
  return { baseUrl: `http://127.0.0.1:${port}/fhir`, stop };
}
