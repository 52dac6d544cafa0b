// What stands behind the npm scripts: `node dev/run.mjs <script> [arguments]` installs what is missing, builds what has
// changed and runs the script. Plain JavaScript without dependencies, because it is there before both of them.

import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { withLock } from './lock.mjs';

const project = dirname(dirname(fileURLToPath(import.meta.url)));
const cli = 'dist/src/cli/main.js';
const commands = [
  'export',
  'list',
  'status',
  'watch',
  'pause',
  'resume',
  'set-concurrency',
  'poll-now',
  'retry',
  'finish-incomplete',
  'give-up',
  'cancel',
  'schedule',
  'remove-old',
  'serve',
  'check',
  'make-key',
  'register-search-attributes',
  'codec-server',
  'worker',
];
// The program behind each script, and its first arguments.
const programs = {
  build: undefined,
  demo: ['dist/dev/demo.js'],
  temporal: ['dist/dev/temporal/main.js'],
  ...Object.fromEntries(commands.map((name) => [name, [cli, name]])),
  'sample-server': ['dist/dev/sample-server/main.js'],
  pictures: ['dist/dev/pictures/main.js'],
  bench: ['dist/bench/main.js'],
  chaos: ['dist/test/chaos/main.js'],
  scale: ['dist/test/scale/main.js'],
  interop: ['dist/test/interop/main.js'],
  hostile: ['dist/test/hostile/main.js'],
  test: ['node_modules/vitest/vitest.mjs', 'run'],
};

const [script, ...args] = process.argv.slice(2);
if (await prepare()) await run(...programs[script], ...args);

// Returns whether there is something to be run. Faults of what is run are not told here.
async function prepare() {
  try {
    await makeReady();
    return programs[script] !== undefined;
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
    return false;
  }
}

async function makeReady() {
  if (script === undefined || !(script in programs)) {
    throw new Error(`usage: node dev/run.mjs ${Object.keys(programs).join('|')} [arguments]`);
  }
  requireNode();
  mkdirSync(join(project, 'dist'), { recursive: true });
  await withLock(join(project, 'dist/.build-lock'), async () => {
    if (!isInstalled()) install();
    await build();
  });
  if (script === 'test') await findPrograms();
}

function requireNode() {
  const wanted = readJson('package.json').engines.node.replace('>=', '');
  if (process.versions.node.localeCompare(wanted, 'en', { numeric: true }) < 0) {
    throw new Error(
      `This project needs Node ${wanted} or later; this is ${process.versions.node} (${process.execPath}).`,
    );
  }
}

// Compares contents, not times: packages that a developer installed on top do not count, nor does a fresh checkout.
function isInstalled() {
  if (!existsSync(join(project, 'node_modules/.package-lock.json'))) return false;
  const installed = readJson('node_modules/.package-lock.json').packages;
  const locked = Object.entries(readJson('package-lock.json').packages);
  return locked.every(([path, { version, optional }]) => {
    return path === '' || (path in installed ? installed[path].version === version : optional);
  });
}

function install() {
  console.log('Installing dependencies: npm ci');
  runToEnd('npm', ['ci']);
}

async function build() {
  compile();
  // As npm does when the package is installed: the first line of the command says how Node is to run.
  chmodSync(join(project, cli), 0o755);
  const { removeOrphans, buildWorkflowBundles } = await import(urlOf('dist/dev/build.js'));
  await removeOrphans(project);
  if (await buildWorkflowBundles(project)) console.log('Bundled the workflows: dist/workflow-bundle.js');
}

// Even with nothing to do the compiler takes most of a second.
function compile() {
  const stamp = join(project, 'dist/.compiled');
  const inputs = listInputs();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === inputs) return;
  runToEnd(process.execPath, [join(project, 'node_modules/typescript/bin/tsc')]);
  writeFileSync(stamp, inputs);
}

// One line for each file that the compiler may read: its path, size and time of change.
function listInputs() {
  const files = ['tsconfig.json', 'node_modules/.package-lock.json'];
  for (const folder of ['src', 'dev', 'test', 'bench']) {
    const paths = readdirSync(join(project, folder), { recursive: true });
    files.push(...paths.filter((path) => /\.c?ts$/.test(path)).map((path) => join(folder, path)));
  }
  const lines = files.map((file) => {
    const { size, mtimeMs } = statSync(join(project, file));
    return `${file} ${size} ${mtimeMs}\n`;
  });
  return lines.join('');
}

async function findPrograms() {
  const { findTemporalCli } = await import(urlOf('dist/src/temporal-server/cli.js'));
  const { findGateway } = await import(urlOf('dist/dev/s3/find-gateway.js'));
  const say = (line) => console.log(line);
  const cli = await findTemporalCli(say);
  // Looked for here, too, so that a build that takes minutes is said before anything else; the tests' setup decides
  // what it means when there is none.
  const gateway = await findGateway(say).catch(() => undefined);
  Object.assign(process.env, { TEMPORAL_CLI: cli, ...(gateway === undefined ? {} : { VERSITYGW: gateway }) });
}

// In this very process: one that is killed together with npm, by a signal to their group, leaves nothing behind.
async function run(program, ...programArgs) {
  if (process.env.npm_lifecycle_event !== undefined) endWithShell();
  process.argv = [process.execPath, join(project, program), ...programArgs];
  await import(urlOf(program));
}

// npm runs scripts in a shell, which dies of the SIGTERM that npm passes on and may not hand it on itself, and which
// stays when npm alone is killed.
function endWithShell() {
  const shell = process.ppid;
  const npm = npmAbove(shell);
  const timer = setInterval(() => {
    if (process.ppid === shell && (npmAbove(shell) ?? npm) === npm) return;
    clearInterval(timer);
    process.kill(process.pid, 'SIGTERM');
  }, 200);
  timer.unref();
}

// Process id of npm; undefined where it is the parent itself, because the shell has given way, or cannot be known.
function npmAbove(shell) {
  try {
    if (!readFileSync(`/proc/${shell}/cmdline`, 'utf8').includes('dev/run.mjs')) return undefined;
    return /\) \S (\d+)/.exec(readFileSync(`/proc/${shell}/stat`, 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}

function runToEnd(file, fileArgs) {
  const { status, error } = spawnSync(file, fileArgs, { cwd: project, stdio: 'inherit' });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

function readJson(file) {
  return JSON.parse(readFileSync(join(project, file), 'utf8'));
}

function urlOf(file) {
  return pathToFileURL(join(project, file)).href;
}
