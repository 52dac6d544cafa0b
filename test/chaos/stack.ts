import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { TestKey } from '../support/keys.ts';
import { makeKey, secretFile } from '../support/keys.ts';
import type { Build } from './builds.ts';
import { makeBuilds } from './builds.ts';
import type { ChaosDestination } from './destination.ts';
import { directoryDestination } from './destination.ts';
import { Hospital } from './hospital.ts';
import type { RoundPlan } from './plan.ts';
import type { SmallDisk } from './small-disk.ts';
import { openSmallDisk } from './small-disk.ts';
import { DurableTemporal } from './temporal.ts';
import { Workers } from './workers.ts';

/** What outlives a round. */
export interface Base {
  folder: string;
  temporal: DurableTemporal;
  builds: readonly [Build, Build];
  key: TestKey;
  close(): Promise<void>;
}

/** All that runs for one round. */
export interface RoundStack {
  folder: string;
  hospitals: Hospital[];
  workers: Workers;
  disk: SmallDisk | undefined;
  destinations: { roomy: ChaosDestination; small?: ChaosDestination };
  /** Ends the workers; the rest can still be looked at. */
  close(): Promise<void>;
}

/** @param folder gets all files; is made */
export async function startBase(folder: string, cli: string): Promise<Base> {
  await mkdir(folder, { recursive: true });
  const builds = await makeBuilds(folder);
  const temporal = await DurableTemporal.start(cli, join(folder, 'temporal'));
  return {
    folder,
    temporal,
    builds,
    key: await makeKey('ES384', 'chaos'),
    async close() {
      await temporal.close();
      await rm(join(folder, 'next-build'), { recursive: true, force: true });
    },
  };
}

export async function startRoundStack(plan: RoundPlan, base: Base): Promise<RoundStack> {
  const folder = join(base.folder, `round-${plan.seed}`);
  await mkdir(folder, { recursive: true });
  const hospitals = await Promise.all(
    plan.shapes.map((shape, lane) => Hospital.start(`lane-${lane}`, shape, join(folder, `lane-${lane}`), base.key)),
  );
  const needsDisk = plan.faults.some(({ kind }) => kind === 'diskFull');
  const disk = needsDisk ? await openSmallDisk(join(folder, 'small'), () => workers) : undefined;
  const roomy = directoryDestination(join(folder, 'exports'));
  const small = disk === undefined ? undefined : directoryDestination(disk.folder);
  const destinations = { roomy, ...(small === undefined ? {} : { small }) };
  const env = {
    ...withoutTemporal(process.env),
    TEMPORAL_ADDRESS: base.temporal.address,
    BULK_EXPORT_CONFIG: await writeConfig(folder, hospitals, destinations, base.key),
  };
  const workers = new Workers({ folder, builds: base.builds, env });
  await workers.start(plan.workers);
  return {
    folder,
    hospitals,
    workers,
    disk,
    destinations,
    async close() {
      await workers.close();
      await Promise.all(hospitals.map((hospital) => hospital.close()));
    },
  };
}

async function writeConfig(
  folder: string,
  hospitals: readonly Hospital[],
  destinations: Record<string, ChaosDestination>,
  { privateJwk }: TestKey,
): Promise<string> {
  const privateKeyFile = await secretFile(folder, 'private-key.jwk.json', privateJwk);
  const auth = { type: 'smart-backend', clientId: 'demo-client', privateKeyFile };
  const servers = hospitals.map(({ name, entry }) => [name, { ...entry, auth, maxConcurrentDownloads: 3 }]);
  const file = join(folder, 'fhir-bulk-export.yaml');
  const entries = Object.entries(destinations).map(([name, { config }]) => [name, config]);
  await writeFile(file, stringify({ servers: Object.fromEntries(servers), destinations: Object.fromEntries(entries) }));
  return file;
}

/** A developer's own Temporal settings may point elsewhere. */
function withoutTemporal(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('TEMPORAL_')));
}
