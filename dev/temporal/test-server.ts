import { setTimeout as sleep } from 'node:timers/promises';

import { buildWithMaven } from '../programs/build-with-maven.ts';
import { cachedPath, download, fromCache, isExecutable, type CachedProgram } from '../../src/programs/cache.ts';
import { killGroup, spawnOwned } from '../../src/programs/child.ts';
import { findFreePorts, isListening } from '../../src/temporal-server/ports.ts';
import { firstWay } from '../../src/programs/ways.ts';

/** Version of the test server; also in `tools/temporal-test-server/pom.xml`. */
export const testServerVersion = '1.38.0';

const startLimit = 30_000;

const advice = [
  'Name a Temporal test server in TEMPORAL_TEST_SERVER, or install a JDK (11 or later) and Maven',
  '(https://maven.apache.org), which assemble it here.',
].join('\n');

/** The test server that we download or assemble. */
export const testServer: CachedProgram = {
  name: 'temporal-test-server',
  version: testServerVersion,
  file: 'temporal-test-server',
  check: listens,
};

/**
 * Finds Temporal's time-skipping test server, or obtains it, and returns its path: the program that
 * `TEMPORAL_TEST_SERVER` names, the copy of an earlier run, a download, its libraries by Maven.
 *
 * @param say receives one line for each attempt
 * @param env default: the environment of this process
 * @throws Error when `TEMPORAL_TEST_SERVER` is not a program, and when no other way works, with all reasons and what to
 *   install
 */
export async function findTestServer(say: (line: string) => void, env = process.env): Promise<string> {
  const chosen = env.TEMPORAL_TEST_SERVER;
  if (chosen) {
    if (!isExecutable(chosen)) throw new Error(`TEMPORAL_TEST_SERVER does not work: ${chosen} is not a program`);
    say(`Temporal test server: using ${chosen} (TEMPORAL_TEST_SERVER)`);
    return chosen;
  }
  const cached = cachedPath(testServer, env);
  const ways = [
    // Not checked, because it takes a second to start; the tests show whether it works.
    { name: 'our copy in the cache folder', find: () => fromCache({ ...testServer, check: async () => {} }, cached) },
    {
      name: 'download',
      announcement: `downloading ${testServerVersion} from temporal.download`,
      find: () => download(testServer, cached),
    },
    {
      name: 'Java libraries',
      announcement: `fetching ${testServerVersion} with Maven, once; 38 MB`,
      find: () => assembleTestServer(cached, env),
    },
  ];
  return firstWay('Temporal test server', ways, advice, say);
}

/** Assembles the test server at `path`: its libraries by Maven, our main class, and a script that runs it. */
export function assembleTestServer(path: string, env: NodeJS.ProcessEnv): Promise<string> {
  const java = { sources: 'tools/temporal-test-server', mainClass: 'LoopbackTestServer' };
  return buildWithMaven(testServer, path, java, env);
}

/** A test server that runs. */
export interface RunningTestServer {
  /** gRPC, as `host:port`. */
  address: string;
  stop(): Promise<void>;
}

/**
 * Starts the test server on a free port. It ends with this process.
 *
 * @param path of the program
 * @throws Error when it ends or does not listen within 30 s, with its last words
 */
export async function startTestServer(path: string): Promise<RunningTestServer> {
  const { grpc } = await findFreePorts();
  const child = spawnOwned(path, [String(grpc)], { stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => (errors += chunk));
  const ended = new Promise<true>((resolve) =>
    child.once('error', () => resolve(true)).once('close', () => resolve(true)),
  );
  const stop = async (): Promise<void> => {
    killGroup(child, 'SIGKILL');
    await ended;
  };
  try {
    const deadline = Date.now() + startLimit;
    while (!(await isListening(grpc))) {
      if (await Promise.race([ended, sleep(50)])) throw new Error(`it ended: ${errors.trim().slice(-500)}`);
      if (Date.now() > deadline) throw new Error(`it does not listen within ${startLimit / 1000} s`);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { address: `127.0.0.1:${grpc}`, stop };
}

/** Throws unless the server, started on a free port, listens there. */
async function listens(path: string): Promise<void> {
  const server = await startTestServer(path);
  await server.stop();
}
