import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';

import { cachedPath } from '../../src/programs/cache.ts';
import { findFreePorts, isListening } from '../../src/temporal-server/ports.ts';
import { projectRoot } from '../../src/programs/project.ts';
import { assembleTestServer, findTestServer, testServer, testServerVersion } from '../../dev/temporal/test-server.ts';

let folder: string;
let said: string[];
const say = (line: string): number => said.push(line);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'test-server-'));
  said = [];
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const environment = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
  PATH: `${folder}/bin:/usr/bin:/bin`,
  XDG_CACHE_HOME: join(folder, 'cache'),
  ...more,
});

async function writeScript(path: string, script: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

describe('findTestServer', () => {
  it('takes the program in TEMPORAL_TEST_SERVER before all others', async () => {
    await writeScript(cachedPath(testServer, environment()), '');
    const own = await writeScript(join(folder, 'own'), '');
    expect(await findTestServer(say, environment({ TEMPORAL_TEST_SERVER: own }))).toBe(own);
  });

  it('does not fall back when TEMPORAL_TEST_SERVER does not work', async () => {
    const missing = environment({ TEMPORAL_TEST_SERVER: '/does/not/exist' });
    await expect(findTestServer(say, missing)).rejects.toThrow('/does/not/exist is not a program');
  });

  it('takes our copy', async () => {
    const copy = await writeScript(cachedPath(testServer, environment()), '');
    expect(await findTestServer(say, environment())).toBe(copy);
    expect(said).toEqual([`Temporal test server: using ${copy} (our copy in the cache folder)`]);
  });
});

describe('assembleTestServer', () => {
  const target = (): string => cachedPath(testServer, environment());

  it('says what Maven said when it fails, and leaves nothing', async () => {
    await writeScript(join(folder, 'bin/mvn'), 'echo "[ERROR] no network"; exit 1');
    await expect(assembleTestServer(target(), environment())).rejects.toThrow('exit code 1: [ERROR] no network');
    expect(await readdir(dirname(target()))).toEqual([]);
  });

  it('refuses a server that ends at once', async () => {
    for (const tool of ['mvn', 'javac']) await writeScript(join(folder, 'bin', tool), '');
    await writeScript(join(folder, 'bin/java'), 'echo "no such class" >&2; exit 1');
    const env = environment();
    await expect(assembleTestServer(target(), env)).rejects.toThrow('it ended');
    expect(await readdir(dirname(target()))).toEqual([]);
  });

  it('fetches the version that is told', async () => {
    const pom = await readFile(join(projectRoot, 'tools/temporal-test-server/pom.xml'), 'utf8');
    expect(pom).toContain(
      `<artifactId>temporal-test-server</artifactId>\n      <version>${testServerVersion}</version>`,
    );
  });
});

// A downloaded one leaves that to the program that started it.
const ours = inject('testServer') === cachedPath(testServer, process.env);

describe.skipIf(!ours)('the test server', () => {
  it('ends with the process that started it, also when that is killed', async () => {
    const { grpc } = await findFreePorts();
    const starter = `require('child_process').spawn(process.argv[1], [process.argv[2]]); setInterval(() => {}, 1000)`;
    const child = spawn(process.execPath, ['-e', starter, inject('testServer'), String(grpc)], { stdio: 'ignore' });
    await expect.poll(() => isListening(grpc), { timeout: 20_000 }).toBe(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await expect.poll(() => isListening(grpc), { timeout: 20_000 }).toBe(false);
  });
});
