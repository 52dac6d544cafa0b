import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NativeConnection } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { projectRoot } from '../../src/programs/project.ts';
import { createWorkers } from '../../src/create-workers.ts';
import { requireSameSdk } from '../../src/process/same-sdk.ts';
import { serverEntry } from '../support/stack.ts';

const OURS = join(projectRoot, 'node_modules');
const config = {
  servers: { a: serverEntry('https://a.example') },
  destinations: { local: { type: 'directory', path: '/nowhere' } },
} as const;
const folder = mkdtempSync(join(tmpdir(), 'other-sdk-'));
const others = join(folder, 'node_modules');

/** An application's own copy of the SDK's worker package, of another version; all else is shared. */
beforeAll(() => {
  mkdirSync(join(others, '@temporalio'), { recursive: true });
  for (const name of readdirSync(OURS)) {
    if (name !== '@temporalio' && !name.startsWith('.')) symlinkSync(join(OURS, name), join(others, name));
  }
  for (const name of readdirSync(join(OURS, '@temporalio'))) {
    if (name !== 'worker') symlinkSync(join(OURS, '@temporalio', name), join(others, '@temporalio', name));
  }
  const copy = join(others, '@temporalio/worker');
  cpSync(join(OURS, '@temporalio/worker'), copy, { recursive: true });
  const manifest = readFileSync(join(copy, 'package.json'), 'utf8');
  writeFileSync(join(copy, 'package.json'), manifest.replace(/"version": "[^"]*"/, '"version": "1.23.7"'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** An instance of a class, without what it connects to. */
function instanceOf(constructor: { prototype: object }): NativeConnection {
  return Object.create(constructor.prototype) as NativeConnection;
}

function workersWith(connection: NativeConnection): Promise<unknown> {
  return createWorkers({ connection, config, workflowBundle: { codePath: '/nowhere' } });
}

describe('a connection', () => {
  test('of another version of the SDK is refused, with both versions and what to do', async () => {
    const other = createRequire(join(folder, 'app.js'))('@temporalio/worker') as {
      NativeConnection: { prototype: object };
    };
    expect(other.NativeConnection).not.toBe(NativeConnection);
    const refusal = workersWith(instanceOf(other.NativeConnection));
    await expect(refusal).rejects.toThrow(`The connection is of @temporalio/worker 1.23.7 in ${others}`);
    await expect(refusal).rejects.toThrow(/need a NativeConnection of @temporalio\/worker 1\.24\.0 in \//);
    await expect(refusal).rejects.toThrow('Depend on exactly @temporalio/worker 1.24.0');
  });

  test('of no class of the SDK is refused', async () => {
    await expect(workersWith(instanceOf(Object))).rejects.toThrow('The connection is of an unknown class');
  });

  test('of our SDK is taken', () => {
    expect(() => requireSameSdk(instanceOf(NativeConnection as unknown as { prototype: object }))).not.toThrow();
  });
});
