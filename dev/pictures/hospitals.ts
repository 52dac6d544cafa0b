import { stringify } from 'yaml';
import type { Config } from '../../src/config.ts';
import { parseConfig } from '../../src/config.ts';
import type { SampleServer, SampleServerOptions } from '../sample-server/index.ts';
import { startSampleServer } from '../sample-server/index.ts';

const QUICK: SampleServerOptions = { patients: 40, linesPerFile: 20, pollsUntilReady: 1 };

/** What each FHIR server of the pictures is like. */
const HOSPITALS = {
  north: QUICK,
  // Its files take minutes.
  south: { patients: 200, linesPerFile: 100, pollsUntilReady: 1, gzip: false, throttleBytesPerSecond: 1000 },
  east: { ...QUICK, messages: [{ severity: 'warning', code: 'incomplete', text: 'One record cannot be read.' }] },
  west: QUICK,
  // One job at a time, which takes its time.
  island: { ...QUICK, pollsUntilReady: 1000, retryAfter: '60', progress: () => '35 % of the files are written' },
  // Does not answer polls.
  valley: QUICK,
} satisfies Record<string, SampleServerOptions>;

export type Hospital = keyof typeof HOSPITALS;

/** The servers of the pictures, all in this process. */
export interface Hospitals {
  config: Config;
  servers: Record<Hospital, SampleServer>;
  close(): Promise<void>;
}

/** @param folder of the destination; the pictures show it */
export async function startHospitals(folder: string): Promise<Hospitals> {
  const names = Object.keys(HOSPITALS) as Hospital[];
  const started = await Promise.all(names.map((name) => startSampleServer(HOSPITALS[name])));
  const servers = Object.fromEntries(names.map((name, place) => [name, started[place]])) as Hospitals['servers'];
  servers.west.faults.add({
    route: 'file',
    match: ({ url }) => url.includes('Condition'),
    times: Infinity,
    do: { kind: 'answer', status: 404 },
  });
  servers.valley.faults.add({
    route: 'status',
    times: Infinity,
    do: { kind: 'answer', status: 503, headers: { 'Retry-After': '60' } },
  });
  const entry = (name: Hospital): object => ({ baseUrl: servers[name].baseUrl, auth: { type: 'none' } });
  const config = parseConfig(
    stringify({
      servers: {
        ...Object.fromEntries(names.map((name) => [name, entry(name)])),
        island: { ...entry('island'), maxConcurrentExports: 1, deleteFreesSlot: true },
      },
      destinations: { lake: { type: 'directory', path: folder } },
    }),
    'pictures.yaml',
  );
  return {
    config,
    servers,
    close: async () => {
      await Promise.all(started.map((server) => server.close()));
    },
  };
}
