import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Manifest } from '../../dev/sample-server/index.ts';
import type { ExportRequest } from '../../src/contract.ts';
import type { ServerConfig } from '../../src/config.ts';
import { failureOf } from '../support/stack.ts';
import { auth, backend, files, jwks, of, server, stack, useGuardedServers } from '../support/guarded-servers.ts';

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
  [
    'a question about other types',
    { ...GROUP, parameters: { _type: 'Patient', _typeFilter: 'Patient?_has:Condition:patient:code=1' } },
  ],
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

test('types that come although they are not allowed end the export before anything of them is downloaded', async () => {
  const more = ({ output = [], ...manifest }: Manifest): unknown => ({
    ...manifest,
    output: [...output, { type: 'Condition', url: output[0]?.url }],
  });
  const untyped = ({ output = [], ...manifest }: Manifest): unknown => ({
    ...manifest,
    output: output.map(({ url }) => ({ url })),
  });
  for (const [path, transform, what] of [
    ['more', more, 'files of "Condition", only Patient'],
    ['untyped', untyped, 'files that do not say their type, only Patient'],
  ] as const) {
    server('limited').faults.add({ route: 'status', times: Infinity, do: { kind: 'transformManifest', transform } });
    const failure = await stack.fail({ ...GROUP, destination: { path } });
    expect(failure).toMatchObject({ code: 'NotAllowed', message: expect.stringContaining(`the server sends ${what}`) });
    expect(server('limited').journal.filter(({ route }) => route === 'file')).toEqual([]);
    // Its job is of use to nobody, and may have the only slot.
    expect(of('limited', 'delete')).toHaveLength(1);
    server('limited').faults.clear();
    server('limited').journal.length = 0;
    expect((await stack.run({ ...GROUP, destination: { path } })).status).toBe('complete');
    expect(of('limited', 'kickOff')).toHaveLength(1);
    server('limited').journal.length = 0;
  }
});

test('a job that no other may follow any more is kept, for what it still has', async () => {
  server('limited').faults.add({ route: 'file', times: Infinity, do: { kind: 'answer', status: 404 } });
  const request = { ...GROUP, destination: { path: 'kept' } };
  const files = (): number => of('limited', 'file').length;
  expect((await stack.fail(request)).code).toBe('IncompleteExport');
  server('limited').journal.length = 0;
  // The next run finds that the files are gone, and would ask for a new job.
  server('limited').faults.clear();
  server('limited').faults.add({ route: 'file', times: Infinity, do: { kind: 'delay', ms: 2000 } });
  server('limited').faults.add({ route: 'file', times: Infinity, do: { kind: 'answer', status: 404 } });
  const started = await stack.start(request);
  await expect.poll(files, { timeout: 30_000, interval: 20 }).toBeGreaterThan(0);
  const entry = stack.config.servers['limited'] as ServerConfig;
  const { allow } = entry;
  entry.allow = { levels: ['patient'] };
  onTestFinished(() => void Object.assign(entry, { allow }));
  expect((await failureOf(started.result())).code).toBe('NotAllowed');
  expect(of('limited', 'delete', 'kickOff')).toEqual([]);
  expect(server('limited').jobs().at(-1)?.state).not.toBe('deleted');
}, 120_000);

test('what is allowed is exported', async () => {
  expect(Object.keys((await stack.run(GROUP)).byType)).toEqual(['Patient']);
});
