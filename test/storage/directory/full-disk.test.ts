import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import type { Folder } from '../../../src/storage/folder.ts';
import { lookAt, openPlace } from '../../../src/storage/destinations.ts';
import { Health } from '../../../src/telemetry/health.ts';

const folder = await mkdtemp(join(tmpdir(), 'full-disk-'));
let isMounted = false;

/** A file system in memory at the folder; false where nobody may mount one. */
function mount(options: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'none', folder], { stdio: 'ignore' });
    return (isMounted = true);
  } catch {
    return false;
  }
}

afterEach(() => {
  if (isMounted) execFileSync('umount', ['-l', folder]);
  isMounted = false;
});
afterAll(() => rm(folder, { recursive: true }));

const destination = { type: 'directory', path: folder } as const;
const open = (): Promise<Folder> => openPlace(destination, '', 'records');

const canMount = mount('size=64k');
if (canMount) execFileSync('umount', ['-l', folder]);
isMounted = false;

describe.skipIf(!canMount)('a disk that is full', () => {
  test('keeps nothing of documents that found no room', async () => {
    mount('size=64k');
    const place = await open();
    const content = randomBytes(50_000);
    await place.create('whole', content);
    for (const attempt of [1, 2, 3]) {
      await expect(place.create(`more-${attempt}`, content)).rejects.toThrow(/no space is left \(ENOSPC, 0 MB of/);
      await expect(place.write(`more-${attempt}`, content)).rejects.toThrow('no space is left');
    }
    expect(await readdir(join(folder, '.export'))).toEqual([]);
    // As soon as a little is free, a small one fits.
    expect(await place.create('small', 'x')).toBe(true);
  });

  test('is full when it has no room for a further name, and is told so', async () => {
    mount('size=1m,nr_inodes=6');
    const place = await open();
    await place.write('one', '1');
    for (let number = 1; ; number++) {
      if (
        !(await writeFile(join(folder, `filling-${number}`), '').then(
          () => true,
          () => false,
        ))
      )
        break;
    }
    expect(await lookAt(destination, 'exports')).toBe(0);
    expect(await place.freeSpace()).toBe(0);
    await expect(place.write('two', '2')).rejects.toThrow(
      /no space is left \(ENOSPC, 6 files are there, and no more fit\)/,
    );
    const [, , check] = await new Health({ destinations: { local: destination } }).checks();
    expect(check).toMatchObject({ name: 'destination local', ok: false, reason: 'no space is left' });
  });
});
