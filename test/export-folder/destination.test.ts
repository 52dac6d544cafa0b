import { mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import { clearExport } from '../../src/export-folder/clear-export.ts';
import { openDirectory } from '../../src/storage/directory/directory.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

let stack: Stack;
let hospital: SampleServer;

beforeAll(async () => {
  stack = await startStack({ servers: { hospital: { patients: 10, pollsUntilReady: 0, retryAfter: '1' } } });
  hospital = stack.servers['hospital'] as SampleServer;
});
afterAll(() => stack.close());
beforeEach(() => {
  hospital.journal.length = 0;
  hospital.faults.clear();
});

const SMALL = { parameters: { _type: 'Patient' } };
const slow = { kind: 'answer', status: 202, headers: { 'Retry-After': '3600' } } as const;

test('files are for their owner only', async () => {
  const { location } = await stack.run(SMALL);
  expect((await stat(join(location, 'Patient.00001.ndjson'))).mode & 0o777).toBe(0o600);
  expect((await stat(location)).mode & 0o777).toBe(0o700);
});

describe('a folder that is not free is refused', () => {
  test('it holds other files', async () => {
    await mkdir(join(stack.folder, 'mine'));
    await writeFile(join(stack.folder, 'mine', 'notes.txt'), 'mine');
    expect(await stack.fail({ ...SMALL, destination: { path: 'mine' } })).toMatchObject({
      code: 'DestinationNotEmpty',
      message: expect.stringContaining('notes.txt'),
    });
    expect(await readFile(join(stack.folder, 'mine', 'notes.txt'), 'utf8')).toBe('mine');
    expect(hospital.journal).toEqual([]);
  });

  test('it holds a finished export', async () => {
    await stack.run({ ...SMALL, destination: { path: 'done' } });
    expect(await stack.fail({ ...SMALL, destination: { path: 'done' } })).toMatchObject({
      code: 'DestinationNotEmpty',
    });
  });

  test('another request began there, and its job may still be running', async () => {
    hospital.faults.add({ route: 'status', do: slow });
    const first = await stack.start({ ...SMALL, destination: { path: 'other' } });
    await expect.poll(async () => (await first.progress()).polls, { timeout: 10_000 }).toBe(1);
    await first.handle.terminate();
    expect(await stack.fail({ destination: { path: 'other' } })).toMatchObject({
      code: 'DestinationNotEmpty',
      message: expect.stringContaining('another request; start that request again to finish it'),
    });
  });

  test('files of another request are there, whose job was deleted', async () => {
    hospital.faults.add({
      route: 'file',
      match: ({ url }) => url.includes('Condition'),
      times: Infinity,
      do: { kind: 'hang' },
    });
    const destination = { path: 'half' };
    const first = await stack.start({ parameters: { _type: 'Patient,Condition' }, destination });
    await expect.poll(async () => (await first.progress()).files?.done, { timeout: 10_000 }).toBeGreaterThan(0);
    await first.handle.cancel();
    await expect(first.result()).rejects.toThrow();
    expect(await stack.fail({ ...SMALL, destination })).toMatchObject({
      code: 'DestinationNotEmpty',
      message: expect.stringContaining('remove the folder if its files are not needed'),
    });
  });

  test('the same export is still running there', async () => {
    hospital.faults.add({ route: 'status', do: slow });
    const first = await stack.start({ ...SMALL, destination: { path: 'busy' } }, 'first');
    await expect.poll(async () => (await first.progress()).polls, { timeout: 10_000 }).toBe(1);
    expect(await stack.fail({ ...SMALL, destination: { path: 'busy' } })).toMatchObject({
      code: 'DestinationNotEmpty',
      message: expect.stringContaining('first'),
    });
    await first.pollNow();
    await first.result();
  });
});

describe('a folder in which nothing is left of another request is taken', () => {
  const OTHER = { parameters: { _type: 'Condition' } };

  test('its kick-off was refused', async () => {
    hospital.faults.add({ route: 'kickOff', do: { kind: 'answer', status: 400 } });
    const destination = { path: 'refused' };
    expect((await stack.fail({ ...SMALL, destination })).code).toBe('KickOffRejected');
    const report = await stack.run({ ...OTHER, destination });
    expect(report.warnings).toEqual([]);
    await expectExactFiles(report.location, hospital);
  });

  test('it was cancelled before a file was there, and of its manifest nothing stays', async () => {
    hospital.faults.add({ route: 'file', times: Infinity, do: { kind: 'hang' } });
    const destination = { path: 'cancelled' };
    const first = await stack.start({ destination });
    await expect.poll(async () => (await first.progress()).files?.total, { timeout: 10_000 }).toBeGreaterThan(0);
    await first.handle.cancel();
    await expect(first.result()).rejects.toThrow();
    hospital.faults.clear();
    const report = await stack.run({ ...OTHER, destination });
    expect(report.warnings).toEqual([]);
    await expectExactFiles(report.location, hospital);
    expect(Object.keys(report.byType)).toEqual(['Condition']);
  });
});

describe('an export above or below another one is refused', () => {
  test('below', async () => {
    const outer = await stack.run({ ...SMALL, destination: { path: 'nested' } });
    expect(await stack.fail({ ...SMALL, destination: { path: 'nested/2026/11' } })).toMatchObject({
      code: 'DestinationNotEmpty',
      message: expect.stringContaining(`is inside the folder of another export, ${outer.location}; choose a path`),
    });
    // Not even an empty folder stays.
    await expectExactFiles(outer.location, hospital);
    expect(await readdir(outer.location)).not.toContain('2026');
  });

  test('above', async () => {
    const inner = await stack.run({ ...SMALL, destination: { path: 'year/2026/11' } });
    expect(await stack.fail({ ...SMALL, destination: { path: 'year' } })).toMatchObject({
      code: 'DestinationNotEmpty',
      message: expect.stringContaining(`has another export in it, ${inner.location}; choose a path`),
    });
    await expectExactFiles(inner.location, hospital);
    expect(await readdir(join(stack.folder, 'year'))).toEqual(['2026']);
  });

  test('an export that was begun in one by an earlier version survives that the outer one starts its job again', async () => {
    hospital.faults.add({ route: 'status', do: slow });
    const outer = await stack.start({ ...SMALL, destination: { path: 'old' } });
    await expect.poll(async () => (await outer.progress()).polls, { timeout: 10_000 }).toBe(1);
    const folder = join(stack.folder, 'old');
    const foreign = ['Patient.00001.ndjson/.export/export.json', 'deleted/11/Patient.00001.ndjson', 'notes.ndjson'];
    for (const name of foreign) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), name);
    }
    for (const name of ['Patient.00002.ndjson', 'error/summary.json', 'deleted/Bundle.00001.ndjson']) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), 'of the earlier job');
    }
    await clearExport(await openDirectory(stack.folder, 'old'));
    for (const name of foreign) expect(await readFile(join(folder, name), 'utf8')).toBe(name);
    const left = await readdir(folder, { recursive: true, withFileTypes: true });
    const names = left
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => relative(folder, join(parentPath, name)));
    // Of the job that has been kicked off, its intent stays.
    const kept = ['.export/export.json', '.export/job.json', '.export/kick-offs/1.1'];
    expect(names.sort()).toEqual([...kept, ...foreign].sort());
    await outer.handle.terminate();
  });
});

describe('what keeps the worker from writing is DestinationFailed, with the fix', () => {
  test('the destination is a file', async () => {
    await writeFile(join(stack.folder, 'file'), '');
    expect(await stack.fail({ ...SMALL, destination: { path: 'file/below' } })).toMatchObject({
      code: 'DestinationFailed',
    });
  });

  test('a symbolic link leads out of the destination', async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), 'elsewhere-'));
    await symlink(elsewhere, join(stack.folder, 'link'));
    expect(await stack.fail({ ...SMALL, destination: { path: 'link/out' } })).toMatchObject({
      code: 'DestinationFailed',
      message: expect.stringContaining('symbolic link'),
    });
    await rm(elsewhere, { recursive: true });
  });
});
