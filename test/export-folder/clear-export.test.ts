import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { clearExport } from '../../src/export-folder/clear-export.ts';
import { STATE_FOLDER } from '../../src/export-folder/layout.ts';
import { openDirectory } from '../../src/storage/directory/directory.ts';
import type { Folder } from '../../src/storage/folder.ts';
import { openS3 } from '../../src/storage/s3/s3.ts';
import type { TestS3 } from '../support/s3.ts';
import { hasS3, startS3 } from '../support/s3.ts';

let root: string;
let s3: TestS3;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'clear-export-'));
  if (hasS3) s3 = await startS3();
});
afterAll(async () => {
  await s3?.stop();
  await rm(root, { recursive: true, force: true });
});

describe.each([
  ['directory', async (path: string): Promise<Folder> => openDirectory(root, path), true],
  ['s3', async (path: string): Promise<Folder> => openS3(s3.destination({ prefix: 'raw' }), path), hasS3],
] as const)('%s', (_, openAt, there) => {
  describe.skipIf(!there)('a folder is cleared', () => {
    test('a file of the earlier job that was about to get its name does not land in the next one', async () => {
      const open = () => openAt('late');
      const [name, asked] = ['Patient.00001.ndjson', vi.fn<() => void>()];
      let goOn: (value: void) => void = () => {};
      const frozen = new Promise<void>((resolve) => (goOn = resolve));
      const earlier = (await open()).guardedBy(() => {
        asked();
        return frozen;
      });
      const part = await earlier.openPart('1');
      // On S3 more than one piece: those are joined by a request of its own.
      await part.write([Buffer.alloc(9 * 1024 * 1024, 'x')]);
      await part.finish();
      const published = part.publish(name).catch(() => false);
      await expect.poll(() => asked).toHaveBeenCalled();

      const folder = await open();
      const list = folder.list.bind(folder);
      folder.list = async (inside) => {
        // It has passed the check of the owner, and goes on when files with final names have been removed.
        if (inside === STATE_FOLDER) {
          goOn();
          await published;
        }
        return list(inside);
      };
      await clearExport(folder);
      expect(await published).toBe(false);
      await part.discard();
      expect(await folder.size(name)).toBeUndefined();
    });

    test('many at a time are removed behind one look at whose they are', async () => {
      const folder = await openAt('many');
      for (let file = 10_001; file <= 10_060; file++) await folder.write(`Patient.${file}.ndjson`, '{}');
      const asked = vi.fn<() => Promise<void>>(async () => {});
      await clearExport(folder.guardedBy(asked));
      expect(asked.mock.calls.length).toBeLessThan(20);
      expect((await folder.list('')).filter((name) => name !== STATE_FOLDER)).toEqual([]);
    });

    test('leaves alone what is not of our names', async () => {
      const folder = await openAt('names');
      const ours = [
        'Patient.00001.ndjson',
        'OrganizedByPatient.100000.ndjson',
        'deleted/Bundle.00001.ndjson',
        'deletions.ndjson',
        'error/OperationOutcome.00001.ndjson',
        'error/summary.json',
        `attachments/${'a'.repeat(64)}`,
        'attachments/index.ndjson',
        'manifest.json',
        '.export/pages/00001.json',
        '.export/report.json',
      ];
      const foreign = [
        'Patient.ndjson',
        'patient.00001.ndjson.bak',
        'Patient.00002.ndjson/.export/export.json',
        'Patient.00002.ndjson/Patient.00001.ndjson',
        'deleted/11/.export/export.json',
        'deleted/notes.txt',
        'attachments/x',
        'readme.md',
        '.export/export.json',
      ];
      for (const name of [...ours, ...foreign]) await folder.write(name, name);
      await clearExport(folder);
      for (const name of foreign) expect((await folder.read(name))?.toString()).toBe(name);
      for (const name of ours) expect(await folder.size(name)).toBeUndefined();
    });
  });
});
