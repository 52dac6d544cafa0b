import type { Config } from '../../src/config.ts';
import type { ExportRequest } from '../../src/contract.ts';
import { serverEntry } from '../support/stack.ts';
import type { Case } from './case.ts';
import { CLIENT_ID } from './server/hostile-server.ts';
import type { HostileServer } from './server/hostile-server.ts';

/** Environment variable that holds the client's secret. */
export const SECRET_ENV = 'HOSTILE_CLIENT_SECRET';

/** How the server of a case stands in the configuration. */
export function entryOf(one: Case, server: HostileServer): Config['servers'][string] {
  const { token, slots, method } = one;
  return serverEntry(server.baseUrl, {
    maxConcurrentDownloads: slots,
    kickOffMethod: method,
    ...(token === undefined
      ? {}
      : {
          auth: {
            type: 'client-secret',
            clientId: CLIENT_ID,
            clientSecretEnv: SECRET_ENV,
            secretIn: 'basic',
            tokenUrl: server.tokenUrl,
          },
        }),
  });
}

/** What is asked of it. */
export function requestOf(one: Case, server: string, path: string): ExportRequest {
  const { level, types, filters, attachments, organised } = one;
  const parameters = {
    ...(types.length === 0 ? {} : { _type: [...types] }),
    ...(filters.length === 0 ? {} : { _typeFilter: [...filters] }),
    ...(organised ? { organizeOutputBy: 'Patient' } : {}),
  };
  return {
    server,
    ...(level === 'group' ? { level, groupId: 'g1' } : { level }),
    ...(Object.keys(parameters).length === 0 ? {} : { parameters }),
    ...(attachments === 'none' ? {} : { attachments: 'download' as const }),
    destination: { path },
  };
}
