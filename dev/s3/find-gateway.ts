import { buildWithGo } from '../../src/programs/build-with-go.ts';
import type { CachedProgram } from '../../src/programs/cache.ts';
import { cachedPath, findOnPath, fromCache } from '../../src/programs/cache.ts';
import { firstWay } from '../../src/programs/ways.ts';
import { isAtLeast } from '../../src/temporal-server/cli-version.ts';
import { runTool } from '../../src/programs/tool.ts';

/** Version of the S3 gateway that the tests use; also in `tools/versitygw/go.mod`. */
export const gatewayVersion = 'v1.8.0';

const advice = [
  `Install versitygw ${gatewayVersion} or later (https://github.com/versity/versitygw) so that it is on the PATH,`,
  'or name it in VERSITYGW, or install Go (https://go.dev/dl), which builds it here.',
].join('\n');

/** The gateway that we build. */
export const versitygw: CachedProgram = {
  name: 'versitygw',
  version: gatewayVersion,
  file: 'versitygw',
  check: (path) => readVersion(path),
};

/**
 * Finds versitygw, an S3 endpoint over a folder, and returns its path: the program that `VERSITYGW` names, a recent one
 * on the PATH, the copy of an earlier run, a build with Go. Only tests need it.
 *
 * @param say receives one line for each attempt
 * @param env default: the environment of this process
 * @throws Error when `VERSITYGW` does not work, and when no other way works, with all reasons and what to install
 */
export async function findGateway(say: (line: string) => void, env = process.env): Promise<string> {
  const chosen = env['VERSITYGW'];
  if (chosen) {
    try {
      say(`S3 gateway: using ${chosen} (VERSITYGW, ${await readVersion(chosen)})`);
      return chosen;
    } catch (error) {
      throw new Error(`VERSITYGW does not work: ${(error as Error).message}`, { cause: error });
    }
  }
  const cached = cachedPath(versitygw, env);
  const ways = [
    { name: 'versitygw on the PATH', find: () => gatewayOnPath(env) },
    { name: 'our copy in the cache folder', find: () => fromCache(versitygw, cached) },
    {
      name: 'build with Go',
      announcement: `building versitygw ${gatewayVersion} with Go, once; this takes some minutes`,
      find: () => buildGateway(cached, env),
    },
  ];
  return firstWay('S3 gateway', ways, advice, say);
}

/** Builds the gateway to `path` with Go, from the module in `tools/versitygw`. */
export function buildGateway(path: string, env: NodeJS.ProcessEnv): Promise<string> {
  const tool = {
    module: 'tools/versitygw',
    source: 'github.com/versity/versitygw/cmd/versitygw',
    setVersion: `-X main.Version=${gatewayVersion}`,
  };
  return buildWithGo(versitygw, path, tool, env);
}

/** Reads the version of a gateway, such as `v1.8.0`. Throws when it does not run, and for any other program. */
async function readVersion(program: string): Promise<string> {
  const answer = await runTool(program, ['--version'], { timeout: 20_000 });
  const version = /^Version\s*: (\S+)/m.exec(answer)?.[1];
  if (version === undefined) {
    throw new Error(`${program} is not versitygw: --version says ${JSON.stringify(answer.trim().slice(0, 80))}`);
  }
  return version;
}

async function gatewayOnPath(env: NodeJS.ProcessEnv): Promise<string> {
  const program = findOnPath('versitygw', env);
  const version = await readVersion(program);
  if (!isAtLeast(version, gatewayVersion)) throw new Error(`${program} is ${version}, older than ${gatewayVersion}`);
  return program;
}
