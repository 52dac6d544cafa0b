import { execFileSync, spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { projectRoot } from '../../../src/programs/project.ts';
import { openDirectory } from '../../../src/storage/directory/directory.ts';
import { FileThread } from '../../../src/storage/directory/file-thread.ts';
import type { Folder, Part } from '../../../src/storage/folder.ts';
import { FILE_THREAD, readyThread } from '../each-kind.ts';

let root: string;
let thread: FileThread;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'file-thread-'));
  thread = new FileThread(FILE_THREAD);
});
afterEach(async () => {
  await thread.end();
  await rm(root, { recursive: true, force: true });
});

const textOf = (number: number): string => `file ${number} `.repeat(number);

async function finished(folder: Folder, number: number): Promise<Part> {
  const part = await folder.openPart(String(number));
  await part.write([Buffer.from(textOf(number))]);
  await part.finish();
  return part;
}

const scriptOf = (code: string): URL => new URL(`data:text/javascript,${encodeURIComponent(code)}`);
const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

describe('the thread for small files', () => {
  test('starts when there are many steps within a second, and not for a few', async () => {
    for (let step = 0; step < 40; step++) expect(thread.forStep()).toBeUndefined();
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect(thread.forStep()).toBeUndefined();
    // Not even begun: nothing has been heard of it.
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(thread.forStep()).toBeUndefined();
    await readyThread(thread);
  });

  test('stores more files at once than it has places for, each with its content', async () => {
    const folder = await openDirectory(root, 'export', await readyThread(thread));
    const numbers = Array.from({ length: 300 }, (_, number) => number + 1);
    await Promise.all(
      numbers.map(async (number) => {
        const part = await finished(folder, number);
        expect(await part.publish(`Patient.${number}.ndjson`)).toBe(true);
        await part.discard();
      }),
    );
    for (const number of numbers) {
      expect(await readFile(join(root, `export/Patient.${number}.ndjson`), 'utf8')).toBe(textOf(number));
    }
    expect(await readdir(join(root, 'export/.export/parts'))).toEqual([]);
  });

  test('fails as the system does', async () => {
    await readyThread(thread);
    await writeFile(join(root, 'one'), '1');
    await writeFile(join(root, 'other'), '2');
    expect(codeOf(await thread.move(join(root, 'one'), join(root, 'other')).catch((error: unknown) => error))).toBe(
      'EEXIST',
    );
    const placed = thread.place(Buffer.from('3'));
    expect(codeOf(await placed?.write(join(root, 'one')).catch((error: unknown) => error))).toBe('EEXIST');
    expect(codeOf(await placed?.write(join(root, 'none/one')).catch((error: unknown) => error))).toBe('ENOENT');
    placed?.free();
    expect(codeOf(await thread.read(root).catch((error: unknown) => error))).toBe('EISDIR');
    expect(await thread.read(join(root, 'none'))).toBeUndefined();
    expect(await thread.size(join(root, 'none'))).toBeUndefined();
    expect(await readFile(join(root, 'one'), 'utf8')).toBe('1');
    expect(await readFile(join(root, 'other'), 'utf8')).toBe('2');
  });

  test('fails at a write that takes nothing', async () => {
    const code = `import fs from 'node:fs';
      import { syncBuiltinESMExports } from 'node:module';
      fs.writeSync = () => 0;
      syncBuiltinESMExports();
      await import(${JSON.stringify(FILE_THREAD.href)});`;
    thread = new FileThread(scriptOf(code));
    const folder = await openDirectory(root, 'export', await readyThread(thread));
    expect(codeOf(await finished(folder, 1).catch((error: unknown) => error))).toBe('EIO');
  });

  test.skipIf(process.platform === 'win32')('is not used for a while when its steps are slow', async () => {
    await readyThread(thread);
    const pipe = join(root, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const read = thread.read(pipe);
    // Much longer than all other steps that are counted, so that the average is long.
    await new Promise((resolve) => setTimeout(resolve, 600));
    await writeFile(pipe, 'x');
    expect((await read)?.toString()).toBe('x');
    expect(thread.forStep()).toBe(thread);
    const sizes = await Promise.all(Array.from({ length: 120 }, () => thread.size(pipe)));
    expect(new Set(sizes)).toEqual(new Set([0]));
    await expect.poll(() => thread.forStep()).toBeUndefined();
    for (let step = 0; step < 100; step++) expect(thread.forStep()).toBeUndefined();
    // Whoever has asked for it before goes on with it.
    expect(await thread.size(pipe)).toBe(0);
  });

  test('that ends fails what it was asked for, and files are stored without it', async () => {
    const code = `import ${JSON.stringify(FILE_THREAD.href)};
      import { parentPort } from 'node:worker_threads';
      parentPort.on('message', () => process.exit());`;
    // Ends before it can answer: answers are sent a turn later.
    thread = new FileThread(scriptOf(code));
    const folder = await openDirectory(root, 'export', await readyThread(thread));
    expect(codeOf(await finished(folder, 1).catch((error: unknown) => error))).toBe('EIO');
    expect(thread.forStep()).toBeUndefined();
    expect(codeOf(await thread.size(root).catch((error: unknown) => error))).toBe('EIO');
    const part = await finished(folder, 2);
    expect(await part.publish('Patient.2.ndjson')).toBe(true);
    expect(await readFile(join(root, 'export/Patient.2.ndjson'), 'utf8')).toBe(textOf(2));
  });
});

/** Another file system than the one of temporary files, on most systems. */
const SHARED_MEMORY = '/dev/shm';
const hasTwoFileSystems = existsSync(SHARED_MEMORY) && statSync(SHARED_MEMORY).dev !== statSync(tmpdir()).dev;

test.skipIf(!hasTwoFileSystems)('a file system that hangs does not keep others waiting', async () => {
  const other = await mkdtemp(join(SHARED_MEMORY, 'file-thread-'));
  const modules = join(projectRoot, 'dist/src/storage/directory');
  execFileSync('mkfifo', [join(root, 'pipe')]);
  const code = `import { statSync } from 'node:fs';
    import { fileThreadOf } from ${JSON.stringify(`${modules}/file-threads.js`)};
    import { openDirectory } from ${JSON.stringify(`${modules}/directory.js`)};
    const open = async (root) => {
      const thread = fileThreadOf(statSync(root).dev);
      while (thread.forStep() === undefined) await new Promise(setImmediate);
      return openDirectory(root, '');
    };
    const [hanging, folder] = [await open(${JSON.stringify(root)}), await open(${JSON.stringify(other)})];
    // Nobody ever writes it.
    void hanging.read('pipe');
    await new Promise((resolve) => setTimeout(resolve, 100));
    const part = await folder.openPart('1');
    await part.write([Buffer.from('x')]);
    await part.finish();
    await part.publish('file');
    process.stdout.write('published');`;
  const script = join(root, 'hang.mjs');
  await writeFile(script, code);
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  let told = '';
  child.stdout.on('data', (some: Buffer) => (told += some.toString()));
  const exited = new Promise((resolve) => child.once('exit', resolve));
  try {
    await expect.poll(() => told, { timeout: 20_000 }).toBe('published');
    expect(await readFile(join(other, 'file'), 'utf8')).toBe('x');
  } finally {
    child.kill('SIGKILL');
    await exited;
    await rm(other, { recursive: true });
  }
});

test('a process that is killed while the thread stores files leaves whole ones under final names', async () => {
  const modules = join(projectRoot, 'dist/src/storage/directory');
  const code = `import { FileThread } from ${JSON.stringify(`${modules}/file-thread.js`)};
    import { openDirectory } from ${JSON.stringify(`${modules}/directory.js`)};
    const thread = new FileThread();
    while (thread.forStep() === undefined) await new Promise(setImmediate);
    const folder = await openDirectory(${JSON.stringify(root)}, 'export', thread);
    for (let from = 0; ; from += 50) {
      await Promise.all(Array.from({ length: 50 }, async (_, number) => {
        const part = await folder.openPart(String(from + number));
        await part.write([Buffer.alloc(30_000, 'x')]);
        await part.finish();
        await part.publish(String(from + number) + '.ndjson');
      }));
      if (thread.forStep() === undefined) throw new Error('the thread has ended');
      process.stdout.write('.');
    }`;
  const script = join(root, 'store.mjs');
  await writeFile(script, code);
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  let groups = '';
  child.stdout.on('data', (some: Buffer) => (groups += some.toString()));
  const exited = new Promise<NodeJS.Signals | null>((resolve) => child.once('exit', (_, signal) => resolve(signal)));
  try {
    await expect.poll(() => groups.length, { interval: 1, timeout: 20_000 }).toBeGreaterThan(3);
  } finally {
    child.kill('SIGKILL');
  }
  expect(await exited).toBe('SIGKILL');
  const names = (await readdir(join(root, 'export'))).filter((name) => name.endsWith('.ndjson'));
  expect(names.length).toBeGreaterThanOrEqual(150);
  for (const name of names) expect((await readFile(join(root, 'export', name))).length).toBe(30_000);
});
