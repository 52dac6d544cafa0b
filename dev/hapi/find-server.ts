import { buildWithMaven } from '../programs/build-with-maven.ts';
import type { CachedProgram } from '../../src/programs/cache.ts';
import { cachedPath, fromCache } from '../../src/programs/cache.ts';
import { firstWay } from '../../src/programs/ways.ts';

/** Version of HAPI FHIR; also in `tools/hapi-server/pom.xml`. */
export const hapiVersion = '8.8.0';

const advice = 'Install a JDK (17 or later) and Maven (https://maven.apache.org), which assemble it here.';

/** HAPI FHIR's JPA server, unchecked before it starts. The last number counts our changes to its main class. */
export const hapiServer: CachedProgram = {
  name: 'hapi-server',
  version: `${hapiVersion}-1`,
  file: 'hapi-server',
  check: async () => {},
};

/**
 * Finds HAPI FHIR's JPA server and returns its path: the copy of an earlier run, or its published libraries by Maven
 * and our main class. Only the interoperability tests need it.
 *
 * @param say receives one line for each attempt
 * @param env default: the environment of this process
 * @throws Error when no way works, with all reasons and what to install
 */
export function findHapiServer(say: (line: string) => void, env = process.env): Promise<string> {
  const cached = cachedPath(hapiServer, env);
  const java = { sources: 'tools/hapi-server', mainClass: 'HapiServer' };
  const ways = [
    { name: 'our copy in the cache folder', find: () => fromCache(hapiServer, cached) },
    {
      name: 'Java libraries',
      announcement: `fetching ${hapiVersion} with Maven, once; 290 MB`,
      find: () => buildWithMaven(hapiServer, cached, java, env),
    },
  ];
  return firstWay('HAPI FHIR server', ways, advice, say);
}
