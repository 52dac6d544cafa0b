import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { registerSearchAttributes } from '../../src/cli/search-attributes.ts';
import type { StartedExport } from '../../src/client.ts';
import { startExport } from '../../src/client.ts';
import { SEARCH_ATTRIBUTES } from '../../src/contract.ts';
import { createWorkers } from '../../src/create-workers.ts';
import type { Workers } from '../../src/hosting/run-workers.ts';
import { newCliUser } from '../support/cli.ts';
import { temporalEnv } from '../support/real-worker.ts';
import { SHORT_LIMITS } from '../support/short-limits.ts';
import type { Stack } from '../support/stack.ts';
import { BUNDLE, startStack } from '../support/stack.ts';
import { openedLater } from './opened-later.ts';
import { HISTORIES } from './record-histories.ts';

const NAMESPACE = 'bare';

let stack: Stack;
let connection: NativeConnection;
let workers: Workers;
let ended: Promise<void>;

beforeAll(async () => {
  stack = await startStack({
    servers: { hospital: { patients: 3, pollsUntilReady: 0 } },
    workers: false,
    temporalArgs: ['--dynamic-config-value', 'system.namespaceCacheRefreshInterval="1s"'],
  });
  await stack.client.connection.workflowService.registerNamespace({
    namespace: NAMESPACE,
    workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
  });
  connection = await NativeConnection.connect({ address: stack.temporal.address });
  const options = {
    connection,
    namespace: NAMESPACE,
    config: stack.config,
    workflowBundle: { codePath: BUNDLE },
    limits: SHORT_LIMITS,
  };
  // A namespace is known to all parts of the server after some seconds.
  workers = await vi.waitFor(() => createWorkers(options), { timeout: 30_000, interval: 1000 });
  ended = workers.run();
});
afterAll(async () => {
  workers.shutdown();
  await ended;
  await connection.close();
  await stack.close();
});

/** Search attributes without those of Temporal itself. */
async function ownAttributes({ handle }: StartedExport): Promise<object> {
  const { searchAttributes } = await handle.describe();
  return Object.fromEntries(Object.entries(searchAttributes).filter(([name]) => /^(Fhir|Export)/.test(name)));
}

test('a namespace without the search attributes does not keep an export from running', async () => {
  const client = new Client({ connection: stack.client.connection, namespace: NAMESPACE });
  const request = { server: 'hospital', level: 'system', parameters: { _type: 'Patient' } } as const;
  const started = await startExport(client, request, { workflowId: 'bare' });
  expect((await started.result()).files).toBe(1);
  const { searchAttributes } = await started.handle.describe();
  expect(Object.keys(searchAttributes)).not.toContain('FhirServer');
});

test.each([
  ['Int and Keyword', { FhirServer: 3, ExportPhase: 2 }, { ExportPhase: ['complete'] }],
  ['Text and Keyword list', { FhirServer: 1, ExportPhase: 7 }, {}],
  [
    'only those of an earlier version',
    { FhirServer: 2, ExportPhase: 2 },
    { FhirServer: ['hospital'], ExportPhase: ['complete'] },
  ],
  ['only a later one', { ExportOutcome: 2 }, { ExportOutcome: ['complete'] }],
])('attributes of another type, or some of them, do not either: %s', async (_name, searchAttributes, expected) => {
  const names = Object.keys(searchAttributes);
  const { operatorService } = stack.client.connection;
  await operatorService.addSearchAttributes({ namespace: NAMESPACE, searchAttributes });
  const client = new Client({ connection: stack.client.connection, namespace: NAMESPACE });
  const request = { server: 'hospital', level: 'system', parameters: { _type: 'Patient' } } as const;
  try {
    const started = await startExport(client, request, { workflowId: _name });
    expect((await started.result()).files).toBe(1);
    expect(await ownAttributes(started)).toEqual(expected);
  } finally {
    await operatorService.removeSearchAttributes({ namespace: NAMESPACE, searchAttributes: names });
  }
});

describe('fhir-bulk-export register-search-attributes', () => {
  const NAMES = Object.values(SEARCH_ATTRIBUTES);
  const here = () => ({
    client: new Client({ connection: stack.client.connection, namespace: NAMESPACE }),
    namespace: NAMESPACE,
    address: stack.temporal.address,
  });
  const add = (searchAttributes: Record<string, number>) =>
    stack.client.connection.operatorService.addSearchAttributes({ namespace: NAMESPACE, searchAttributes });
  const remove = (searchAttributes: readonly string[]) =>
    stack.client.connection.operatorService.removeSearchAttributes({
      namespace: NAMESPACE,
      searchAttributes: [...searchAttributes],
    });

  test('creates what is missing, can be run again, and exports have them', async () => {
    const user = await newCliUser();
    const register = () => user.run(['register-search-attributes'], temporalEnv({ temporal: here() }));
    await add({ FhirServer: 2 });
    try {
      const first = await register();
      expect(first).toMatchObject({ code: 0, stderr: '' });
      expect(first.stdout).toContain('  FhirServer: was there\n');
      for (const name of NAMES.filter((one) => one !== 'FhirServer')) {
        expect(first.stdout).toContain(`  ${name}: created\n`);
      }
      const second = await register();
      expect(second.code).toBe(0);
      expect(second.stdout.match(/: was there$/gm)).toHaveLength(4);
      expect(second.stdout).not.toContain('created');

      const request = { server: 'hospital', level: 'group', groupId: 'diabetes' } as const;
      const started = await startExport(here().client, request, { workflowId: 'registered' });
      await started.result();
      expect(await ownAttributes(started)).toEqual({
        FhirServer: ['hospital'],
        ExportPhase: ['complete'],
        ExportLevel: ['group'],
        ExportOutcome: ['complete'],
      });
    } finally {
      await remove(NAMES);
      await user.leave();
    }
  });

  test('two at once both end well', async () => {
    const both = await Promise.all([registerSearchAttributes(here()), registerSearchAttributes(here())]);
    await remove(NAMES);
    expect(both.map(({ failed }) => failed)).toEqual([false, false]);
  });

  test('says which have another type, and creates the others', async () => {
    await add({ ExportPhase: 3 });
    const { lines, failed } = await registerSearchAttributes(here());
    await remove(NAMES);
    expect(failed).toBe(true);
    expect(lines).toContain('  ExportPhase: has another type than Keyword, and exports go without it');
    expect(lines).toContain('  ExportOutcome: created');
  });

  test.each([
    [14, 'Run this again later: it creates those that are still missing.'],
    [3, undefined],
  ])('when the service fails otherwise, nobody else is asked for: code %i', async (code, more) => {
    const fault = Object.assign(new Error('no'), { code, details: 'it does not work', metadata: {} });
    const failing = vi.spyOn(stack.client.connection.operatorService, 'addSearchAttributes');
    failing.mockRejectedValue(fault);
    try {
      const { lines, failed } = await registerSearchAttributes(here());
      const what = expect.stringMatching(/did not create search attributes .*: it does not work$/) as unknown;
      expect([lines, failed]).toEqual([[what, ...(more === undefined ? [] : [more])], true]);
    } finally {
      failing.mockRestore();
    }
  });

  test.each([
    ['127.0.0.1:7233', /^ {2}temporal operator search-attribute create --namespace bare .*--name ExportOutcome$/],
    [
      'eu.api.temporal.io:7233',
      /^ {2}tcld namespace search-attributes add --namespace bare .*--sa ExportOutcome=Keyword$/,
    ],
  ])('without the right to, it says who can, and how: %s', async (address, line) => {
    const refusal = Object.assign(new Error('7 PERMISSION_DENIED: Request unauthorized.'), {
      code: 7,
      details: 'Request unauthorized.',
      metadata: {},
    });
    const refused = vi.spyOn(stack.client.connection.operatorService, 'addSearchAttributes');
    refused.mockRejectedValue(refusal);
    try {
      const { lines, failed } = await registerSearchAttributes({ ...here(), address });
      expect(failed).toBe(true);
      expect(lines[0]).toContain('Request unauthorized.');
      expect(lines).toContainEqual(expect.stringMatching(line));
    } finally {
      refused.mockRestore();
    }
  });
});

test('where the service does not let a worker ask, the configuration decides', async () => {
  const { operatorService } = stack.client.connection;
  const searchAttributes = { FhirServer: 2, ExportPhase: 2 };
  await operatorService.addSearchAttributes({ namespace: NAMESPACE, searchAttributes });
  const refused = vi.spyOn(connection.operatorService, 'listSearchAttributes');
  refused.mockRejectedValue(new Error('7 PERMISSION_DENIED: Request unauthorized.'));
  const client = new Client({ connection: stack.client.connection, namespace: NAMESPACE });
  const request = { server: 'hospital', level: 'system', parameters: { _type: 'Patient' } } as const;
  stack.config.searchAttributes = ['ExportPhase'];
  try {
    const started = await startExport(client, request, { workflowId: 'refused' });
    expect((await started.result()).files).toBe(1);
    expect(await ownAttributes(started)).toEqual({ ExportPhase: ['complete'] });
    expect(refused).toHaveBeenCalled();
  } finally {
    refused.mockRestore();
  }
});

test('a service that does not answer for a moment is asked again', async () => {
  // Attributes are there since the test before.
  const passing = Object.assign(new Error('14 UNAVAILABLE: no connection'), { code: 14 });
  const list = vi.spyOn(connection.operatorService, 'listSearchAttributes').mockRejectedValueOnce(passing);
  const info = vi.spyOn(connection.workflowService, 'getSystemInfo').mockRejectedValueOnce(passing);
  const client = new Client({ connection: stack.client.connection, namespace: NAMESPACE });
  const request = { server: 'hospital', level: 'system', parameters: { _type: 'Patient' } } as const;
  try {
    const started = await startExport(client, request, { workflowId: 'asked-again' });
    expect((await started.result()).files).toBe(1);
    expect(await ownAttributes(started)).toEqual({ FhirServer: ['hospital'], ExportPhase: ['complete'] });
    expect((await started.handle.describe()).memo).toHaveProperty('location');
    expect([list.mock.calls.length, info.mock.calls.length]).toEqual([3, 2]);
  } finally {
    list.mockRestore();
    info.mockRestore();
  }
});

test.each(['0.2.0-dev3-accepted.json', '0.2.0-dev2-cancel-files-again.json'])(
  'a workflow of an earlier version whose worker tells it of attributes that came later replays: %s',
  async (name) => {
    const history = openedLater(await readFile(join(HISTORIES, name), 'utf8'));
    await Worker.runReplayHistory({ workflowBundle: { codePath: BUNDLE } }, history);
  },
);
