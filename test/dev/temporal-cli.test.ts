import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { cachedPath, download } from '../../src/programs/cache.ts';
import { findTemporalCli } from '../../src/temporal-server/cli.ts';
import { isAtLeast, pinnedVersion } from '../../src/temporal-server/cli-version.ts';
import { buildCli, temporalCli } from '../../src/temporal-server/cli-ways.ts';
import { composeFile } from '../../src/temporal-server/compose.ts';
import { projectRoot } from '../../src/programs/project.ts';
import { firstWay } from '../../src/programs/ways.ts';

let folder: string;
let said: string[];
const say = (line: string): number => said.push(line);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'temporal-cli-'));
  said = [];
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function writeScript(path: string, script: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

const fakeCli = (path: string, version: string): Promise<string> =>
  writeScript(path, `echo "temporal version ${version} (Server 1.31.2, UI 2.50.1)"`);

const environment = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
  PATH: `${folder}/empty:${folder}/bin`,
  XDG_CACHE_HOME: join(folder, 'cache'),
  ...more,
});

describe('findTemporalCli', () => {
  it('takes the program in TEMPORAL_CLI before all others, whatever its version', async () => {
    await fakeCli(join(folder, 'bin/temporal'), '1.8.2');
    const own = await fakeCli(join(folder, 'own/my-temporal'), '1.1.0');
    expect(await findTemporalCli(say, environment({ TEMPORAL_CLI: own }))).toBe(own);
  });

  it('does not fall back when TEMPORAL_CLI does not work', async () => {
    await fakeCli(join(folder, 'bin/temporal'), '1.8.2');
    const missing = environment({ TEMPORAL_CLI: '/does/not/exist' });
    await expect(findTemporalCli(say, missing)).rejects.toThrow(
      'TEMPORAL_CLI does not work: /does/not/exist was not found',
    );

    const other = await writeScript(join(folder, 'other'), 'echo hello');
    const wrong = environment({ TEMPORAL_CLI: other });
    await expect(findTemporalCli(say, wrong)).rejects.toThrow(`${other} is not a Temporal CLI: --version says "hello"`);
  });

  it('takes a recent temporal on the PATH before our copy', async () => {
    const onPath = await fakeCli(join(folder, 'bin/temporal'), '1.5.0');
    await fakeCli(cachedPath(temporalCli, environment()), '1.8.2');
    expect(await findTemporalCli(say, environment())).toBe(onPath);
    expect(said).toEqual([`Temporal CLI: using ${onPath} (temporal on the PATH)`]);
  });

  it('leaves an old temporal on the PATH alone, takes our copy and says why', async () => {
    const old = await fakeCli(join(folder, 'bin/temporal'), '1.4.9');
    const cached = await fakeCli(cachedPath(temporalCli, environment()), '1.8.2');
    expect(await findTemporalCli(say, environment())).toBe(cached);
    expect(said).toEqual([
      `Temporal CLI: temporal on the PATH: ${old} is 1.4.9, older than 1.5.0`,
      `Temporal CLI: using ${cached} (our copy in the cache folder)`,
    ]);
  });
});

describe('the cache folder', () => {
  it('is the one of the platform', () => {
    const end = `fhir-bulk-export/temporal-cli/${pinnedVersion}/temporal`;
    const home = { HOME: '/home/me' };
    expect(cachedPath(temporalCli, { ...home, XDG_CACHE_HOME: '/cache' }, 'linux')).toBe(`/cache/${end}`);
    expect(cachedPath(temporalCli, home, 'linux')).toMatch(new RegExp(`/\\.cache/${end}$`));
    expect(cachedPath(temporalCli, home, 'darwin')).toMatch(new RegExp(`/Library/Caches/${end}$`));
  });
});

describe('buildCli', () => {
  const target = (): string => cachedPath(temporalCli, environment());
  // Finds the value of -o and leaves a CLI there, as the Go compiler would.
  const fakeGo = `while [ "$1" != -o ]; do shift; done
cat > "$2" <<'END'
#!/bin/sh
echo "temporal version 1.8.2"
END
/bin/chmod +x "$2"`;
  const env = (): NodeJS.ProcessEnv => environment({ PATH: `${folder}/bin:/usr/bin:/bin` });

  it('leaves only the finished program, also when two build at the same time', async () => {
    await writeScript(join(folder, 'bin/go'), fakeGo);
    expect(await Promise.all([buildCli(target(), env()), buildCli(target(), env())])).toEqual([target(), target()]);
    expect(await readdir(dirname(target()))).toEqual(['temporal']);
  });

  it('says what Go said when the build fails, and leaves nothing', async () => {
    await writeScript(join(folder, 'bin/go'), 'echo "go: no space left" >&2; exit 1');
    await expect(buildCli(target(), env())).rejects.toThrow('ended with exit code 1: go: no space left');
    expect(await readdir(dirname(target()))).toEqual([]);
  });

  it('says that Go is missing', async () => {
    await expect(buildCli(target(), environment())).rejects.toThrow('go was not found');
  });

  it('refuses a program that does not work', async () => {
    await writeScript(join(folder, 'bin/go'), fakeGo.replace('temporal version 1.8.2', 'no'));
    await expect(buildCli(target(), env())).rejects.toThrow('is not a Temporal CLI');
    expect(await readdir(dirname(target()))).toEqual([]);
  });
});

describe('download', () => {
  it('keeps the file that the download leaves, whatever its name', async () => {
    const program = join(folder, 'download.mjs');
    const script = '#!/bin/sh\necho temporal version 1.8.2\n';
    await writeFile(
      program,
      `import { writeFileSync } from 'node:fs';
       writeFileSync(process.argv[3] + '/' + process.argv[2] + '-' + process.argv[4], ${JSON.stringify(script)}, { mode: 0o755 });`,
    );
    const target = join(folder, 'cache/temporal');
    expect(await download(temporalCli, target, program)).toBe(target);
    expect(await readFile(target, 'utf8')).toBe(script);
  });

  it('gives the reason of a download that fails', async () => {
    const program = join(folder, 'download.mjs');
    await writeFile(program, `console.error('dns error'); process.exit(1);`);
    await expect(download(temporalCli, join(folder, 'cache/temporal'), program)).rejects.toThrow(
      'exit code 1: dns error',
    );
  });
});

describe('firstWay', () => {
  it('lists every way with its reason when none works, and what to install', async () => {
    const failing = (name: string, reason: string) => ({ name, find: () => Promise.reject(new Error(reason)) });
    const ways = [failing('cache', 'nothing there yet'), { ...failing('build', 'no Go'), announcement: 'building' }];
    const error = await firstWay('Temporal CLI', ways, 'Install it.', say).catch((error: unknown) => error as Error);
    expect((error as Error).message).toMatch(
      /^No Temporal CLI.*\n {2}- cache: nothing there yet\n {2}- build: no Go\nInstall it\.$/,
    );
    expect(said).toEqual([
      'Temporal CLI: cache: nothing there yet',
      'Temporal CLI: building',
      'Temporal CLI: build: no Go',
    ]);
  });
});

describe('versions', () => {
  it('compares by number', () => {
    expect(isAtLeast('1.10.0', '1.5.0')).toBe(true);
    expect(isAtLeast('1.5.0', '1.5.0')).toBe(true);
    expect(isAtLeast('1.4.10', '1.5.0')).toBe(false);
    expect(isAtLeast('0.13.2', '1.5.0')).toBe(false);
  });

  it('are the same in the Go module and in the Compose file', async () => {
    const module = await readFile(join(projectRoot, 'tools/temporal-cli/go.mod'), 'utf8');
    expect(module).toContain(`github.com/temporalio/cli v${pinnedVersion} `);
    expect(await readFile(composeFile, 'utf8')).toContain(`image: temporalio/temporal:${pinnedVersion}\n`);
  });
});
