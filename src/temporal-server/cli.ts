import { cachedPath, download, fromCache } from '../programs/cache.ts';
import { minimumVersion, pinnedVersion, readVersion } from './cli-version.ts';
import { buildCli, cliOnPath, temporalCli } from './cli-ways.ts';
import { firstWay } from '../programs/ways.ts';

const advice = [
  `Install the Temporal CLI ${minimumVersion} or later (https://docs.temporal.io/cli) so that "temporal" is on the PATH,`,
  'or name it in TEMPORAL_CLI, or install Go (https://go.dev/dl), which builds it here.',
].join('\n');

/**
 * Finds the Temporal CLI, or obtains it, and returns its path: the program that `TEMPORAL_CLI` names, a recent one on
 * the PATH, the copy of an earlier run, a download, a build with Go.
 *
 * @param say receives one line for each attempt
 * @param env default: the environment of this process
 * @param announce receives a line before an attempt that may take long. Default: `say`
 * @throws Error when `TEMPORAL_CLI` does not work, and when no other way works, with all reasons and what to install
 */
export async function findTemporalCli(say: (line: string) => void, env = process.env, announce = say): Promise<string> {
  if (env.TEMPORAL_CLI) return chosenCli(env.TEMPORAL_CLI, say);
  const cached = cachedPath(temporalCli, env);
  const ways = [
    { name: 'temporal on the PATH', find: () => cliOnPath(env) },
    { name: 'our copy in the cache folder', find: () => fromCache(temporalCli, cached) },
    {
      name: 'download',
      announcement: `downloading ${pinnedVersion} from temporal.download`,
      find: () => download(temporalCli, cached),
    },
    {
      name: 'build with Go',
      announcement: `building ${pinnedVersion} with Go, once; this takes some minutes`,
      find: () => buildCli(cached, env),
    },
  ];
  return firstWay('Temporal CLI', ways, advice, say, announce);
}

async function chosenCli(cli: string, say: (line: string) => void): Promise<string> {
  try {
    const version = await readVersion(cli);
    say(`Temporal CLI: using ${cli} (TEMPORAL_CLI, ${version})`);
    return cli;
  } catch (error) {
    throw new Error(`TEMPORAL_CLI does not work: ${(error as Error).message}`, { cause: error });
  }
}
