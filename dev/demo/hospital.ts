import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exportJWK, generateKeyPair } from 'jose';

import { type AuthServer, createAuthServer, type SampleServer, startSampleServer } from '../sample-server/index.ts';

/** Bytes per second and download: slow enough to watch, and to kill a worker in the middle. */
const downloadSpeed = 250_000;
/** Lifetime of an access token, seconds. */
export const tokenLifetime = 60;
const clientId = 'demo-client';

/** The sample FHIR server, its authorization server, and the credentials of a worker. */
export interface DemoHospital {
  server: SampleServer;
  authServer: AuthServer;
  /** `auth` of the server's entry in the configuration. */
  auth: object;
}

/** Starts a hospital with SMART Backend Services and a new key for the client. */
export async function startHospital(patients: number, folder: string): Promise<DemoHospital> {
  const { privateKey, publicKey } = await generateKeyPair('ES384', { extractable: true });
  const kid = 'demo-key';
  const privateKeyFile = join(folder, 'private-key.jwk.json');
  await writeFile(privateKeyFile, JSON.stringify({ ...(await exportJWK(privateKey)), kid }), { mode: 0o600 });
  const authServer = createAuthServer({
    clientId,
    lifetime: tokenLifetime,
    jwks: { keys: [{ ...(await exportJWK(publicKey)), kid }] },
  });
  const server = await startSampleServer({
    patients,
    // About thirty files, whatever the size of the hospital.
    linesPerFile: Math.max(5, patients),
    throttleBytesPerSecond: downloadSpeed,
    // The speed limit counts bytes on the network; compressed files would arrive at once.
    gzip: false,
    progress: (poll) => `${poll * 35} % of the files are written`,
    dataFolder: join(folder, 'hospital'),
    authorization: authServer,
    requiresAccessToken: true,
  });
  return { server, authServer, auth: { type: 'smart-backend', clientId, privateKeyFile } };
}
