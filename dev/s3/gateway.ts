import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { killGroup, spawnOwned } from '../../src/programs/child.ts';
import { freePorts, isListening } from '../../src/temporal-server/ports.ts';

/** Milliseconds. */
const START_LIMIT = 30_000;
const STOP_LIMIT = 10_000;

/** A running S3 endpoint on loopback; its data end with it. */
export interface Gateway {
  endpoint: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  /** Folder with the folder of its only bucket, `lake`. */
  data: string;
  stop(): Promise<void>;
}

/**
 * Starts an S3 endpoint over a folder of its own, with credentials made for it, and waits until it listens. It ends with
 * this process, unless this process is killed by SIGKILL.
 *
 * @param program path of versitygw
 * @param parent where its folder is made; default: the folder for temporary files
 * @throws Error when it ends or does not listen within 30 s, with its last output
 */
export async function startGateway(program: string, parent = tmpdir()): Promise<Gateway> {
  const folder = await mkdtemp(join(parent, 's3-gateway-'));
  const data = join(folder, 'data');
  await mkdir(join(data, 'lake'), { recursive: true });
  // Attributes of objects beside them, because not every file system has extended attributes.
  await mkdir(join(folder, 'attributes'));
  const [port = 0] = await freePorts(1);
  const accessKeyId = randomBytes(10).toString('hex');
  const secretAccessKey = randomBytes(20).toString('hex');
  const child = spawnOwned(
    program,
    ['--port', `127.0.0.1:${port}`, '--quiet', 'posix', '--sidecar', join(folder, 'attributes'), data],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey },
    },
  );
  let output = '';
  const collect = (chunk: Buffer): void => void (output = (output + chunk.toString()).slice(-2000));
  child.stdout?.on('data', collect);
  child.stderr?.on('data', collect);
  const hasEnded = (): boolean => child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
  child.once('error', (error) => collect(Buffer.from(error.message)));
  const stop = async (): Promise<void> => {
    if (!hasEnded()) {
      const exited = once(child, 'exit');
      killGroup(child, 'SIGTERM');
      const timer = setTimeout(() => killGroup(child, 'SIGKILL'), STOP_LIMIT);
      await exited;
      clearTimeout(timer);
    }
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  const deadline = Date.now() + START_LIMIT;
  while (!(await isListening(port))) {
    if (hasEnded() || Date.now() > deadline) {
      await stop();
      throw new Error(`The S3 gateway did not start: ${output}`);
    }
    await sleep(50);
  }
  return {
    endpoint: `http://127.0.0.1:${port}`,
    region: 'us-east-1',
    accessKeyId,
    secretAccessKey,
    data,
    stop,
  };
}
