import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ExportRequest } from '../../src/contract.ts';
import { auth, backend, files, jwks, server, stack, useGuardedServers } from '../support/guarded-servers.ts';

useGuardedServers({
  limited: [
    { jwks },
    backend(files.rsaJwk),
    {},
    { allow: { levels: ['group'], groups: ['diabetes'], types: ['Patient'], destinations: ['local'] } },
  ],
  elsewhere: [{ jwks }, backend(files.rsaJwk), {}, { allow: { destinations: ['lake'] } }],
});

const GROUP = { server: 'limited', level: 'group', groupId: 'diabetes', parameters: { _type: 'Patient' } } as const;

test.each<[string, Partial<ExportRequest>]>([
  ['the whole server', { server: 'limited', level: 'system', parameters: { _type: 'Patient' } }],
  ['all types', { ...GROUP, parameters: {} }],
  ['another group', { ...GROUP, groupId: 'asthma' }],
  ['the default destination', { server: 'elsewhere' }],
])('%s is refused: nothing is asked, not even for a token, and no folder is made', async (name, request) => {
  const path = name.replaceAll(' ', '-');
  const failure = await stack.fail({ ...request, destination: { path } });
  expect(failure).toMatchObject({ code: 'NotAllowed', message: expect.stringMatching(/^NotAllowed: /) });
  for (const known of ['limited', 'elsewhere']) {
    expect(server(known).journal).toEqual([]);
    expect(auth(known).requests).toEqual([]);
  }
  expect(existsSync(join(stack.folder, path))).toBe(false);
});

test('what is allowed is exported', async () => {
  expect(Object.keys((await stack.run(GROUP)).byType)).toEqual(['Patient']);
});
