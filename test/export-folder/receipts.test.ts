import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { attachmentMark } from '../../src/export-folder/attachment-mark.ts';
import type { Receipt } from '../../src/export-folder/receipt.ts';
import { Receipts } from '../../src/export-folder/receipts.ts';
import type { Entry } from '../../src/fhir/entries.ts';
import { describeEachKind, folder } from '../storage/each-kind.ts';
import { folderWith } from './folder-with.ts';

const LINES = Array.from({ length: 10 }, (_, id) => `{"resourceType":"Patient","id":"${id}"}\n`);
const WHOLE = LINES.join('');
const CUT = LINES.slice(0, 4).join('');
const SHA256 = createHash('sha256').update(WHOLE).digest('hex');

const entryOf = (ordinal: number): Entry => ({
  ordinal,
  page: 1,
  kind: 'output',
  index: ordinal,
  type: 'Patient',
  url: `https://a.example/${ordinal}`,
  name: `Patient.0000${ordinal + 1}.ndjson`,
  needsToken: false,
});
const receiptOf = (name: string, ordinal: number): Receipt => ({
  ordinal,
  name,
  bytes: WHOLE.length,
  records: LINES.length,
  headers: 0,
  sha256: SHA256,
});

const ENTRIES = [0, 1, 2].map(entryOf);

describeEachKind('receipts of files', () => {
  let receipts: Receipts;

  async function store(...all: Receipt[]): Promise<void> {
    const ofBatch = receipts.ofBatch(all.map(({ ordinal }) => ordinal));
    for (const receipt of all) await ofBatch.add(receipt);
    await ofBatch.save();
  }

  beforeEach(async () => {
    receipts = new Receipts(folder);
    for (const { name } of ENTRIES) await folder.write(name, WHOLE);
    await store(...ENTRIES.map(({ name, ordinal }) => receiptOf(name, ordinal)));
  });

  test.each([
    ['cut at a line', CUT],
    ['emptied', ''],
    ['longer', `${WHOLE}${CUT}`],
  ])('one that is %s goes with its receipt, and no other', async (_, content) => {
    await folder.write(ENTRIES[1]?.name as string, content);
    expect([...(await receipts.thatHold(ENTRIES)).keys()]).toEqual([0, 2]);
    expect(await Promise.all(ENTRIES.map(({ name }) => folder.size(name)))).toEqual([
      WHOLE.length,
      undefined,
      WHOLE.length,
    ]);
    expect([...(await receipts.of(ENTRIES)).keys()]).toEqual([0, 2]);
  });

  test('one that is missing loses its receipt', async () => {
    await folder.removeFile(ENTRIES[1]?.name as string);
    expect([...(await receipts.thatHold(ENTRIES)).keys()]).toEqual([0, 2]);
    expect([...(await receipts.of(ENTRIES)).keys()]).toEqual([0, 2]);
  });

  test('one whose size was told wrong until it was opened stays, and holds', async () => {
    // As a networked file system tells the size that it has kept.
    const opened = new Set<string>();
    const late = folderWith(folder, {
      size: async (name) => (opened.has(name) ? folder.size(name) : CUT.length),
      stream: (name) => folder.stream((opened.add(name), name)),
    });
    expect((await new Receipts(late).thatHold(ENTRIES)).size).toBe(ENTRIES.length);
    expect(await folder.size(ENTRIES[0]?.name as string)).toBe(WHOLE.length);
    expect([...(await receipts.of(ENTRIES)).keys()]).toEqual([0, 1, 2]);
  });

  test('receipts that could not be written are written with the next', async () => {
    let isFull = true;
    const late = folderWith(folder, {
      write: async (name, content) => {
        if (isFull) throw new Error('no space is left');
        await folder.write(name, content);
      },
    });
    // Two documents: numbers far apart are in two chunks.
    const ordinals = [7, 100_000];
    const ofBatch = new Receipts(late).ofBatch(ordinals);
    for (const ordinal of ordinals) await ofBatch.add(receiptOf(entryOf(ordinal).name, ordinal));
    await expect(ofBatch.save()).rejects.toThrow('no space');
    isFull = false;
    await ofBatch.save();
    expect([...(await receipts.of(ordinals.map(entryOf))).keys()]).toEqual(ordinals);
  });

  describe('while an attempt is frozen, another one fetches again what was cut:', () => {
    const [entry] = ENTRIES as [Entry];

    /** The other attempt, when the one that is frozen has listed receipts so often, or is about to remove the file. */
    function frozen(at: number | 'removal', hasReceipt: boolean): Receipts {
      let lists = 0;
      const other = async (): Promise<void> => {
        await receipts.thatHold([entry]);
        await folder.write(entry.name, WHOLE);
        if (hasReceipt) await store({ ...receiptOf(entry.name, 0), askedAt: 1000 });
      };
      const late = folderWith(folder, {
        list: async (name) => {
          if (++lists === at) await other();
          return folder.list(name);
        },
        size: async (name) => {
          if (at === 'removal' && name === 'manifest.json') await other();
          return folder.size(name);
        },
      });
      return new Receipts(late);
    }

    beforeEach(() => folder.write(entry.name, CUT));

    test.each([2, 3, 'removal'] as const)('it stays, with its receipt (%s)', async (at) => {
      await frozen(at, true).thatHold(ENTRIES);
      expect(await folder.size(entry.name)).toBe(WHOLE.length);
      expect((await receipts.of(ENTRIES)).get(0)).toMatchObject({ bytes: WHOLE.length, askedAt: 1000 });
    });

    test('the one that was frozen knows of it', async () => {
      expect((await frozen(3, true).thatHold(ENTRIES)).get(0)).toMatchObject({ askedAt: 1000 });
    });

    test('it keeps its receipt when the other one withdraws those of before', async () => {
      await frozen(4, true).thatHold(ENTRIES);
      expect(await folder.size(entry.name)).toBe(WHOLE.length);
      expect((await receipts.of(ENTRIES)).get(0)).toMatchObject({ askedAt: 1000 });
    });

    test.each([2, 3, 'removal'] as const)('it stays, when its receipt is not stored yet (%s)', async (at) => {
      await frozen(at, false).thatHold(ENTRIES);
      expect(await folder.size(entry.name)).toBe(WHOLE.length);
    });
  });

  test('an export that becomes complete between two removals loses no more', async () => {
    const many = Array.from({ length: 40 }, (_, number) => ({ ...entryOf(100 + number), name: `Patient.${number}` }));
    await Promise.all(many.map(({ name }) => folder.write(name, CUT)));
    await store(...many.map(({ name, ordinal }) => receiptOf(name, ordinal)));
    const late = folderWith(folder, {
      removeFile: async (name) => {
        await folder.write('manifest.json', '{}');
        await folder.removeFile(name);
      },
    });
    await expect(new Receipts(late).thatHold(many)).rejects.toThrow('finished the export');
    // Those that were being looked at go: no more than are looked at at once.
    await expect.poll(async () => (await receipts.of(many)).size).toBe(many.length);
    const sizes = await Promise.all(many.map(({ name }) => folder.size(name)));
    expect(sizes.filter((size) => size !== undefined).length).toBeGreaterThanOrEqual(8);
  });

  test('none is removed, and no receipt withdrawn, by an attempt whose folder another run has taken over', async () => {
    const [entry] = ENTRIES as [Entry];
    await folder.write(entry.name, CUT);
    const late = folder.guardedBy(() => Promise.reject(new Error('taken over')));
    await expect(new Receipts(late).thatHold(ENTRIES)).rejects.toThrow('taken over');
    expect(await folder.size(entry.name)).toBe(CUT.length);
    expect((await receipts.of(ENTRIES)).size).toBe(ENTRIES.length);
  });

  test('none is removed from a complete export', async () => {
    const [entry] = ENTRIES as [Entry];
    await folder.write(entry.name, CUT);
    await folder.write('manifest.json', '{}');
    await expect(receipts.thatHold(ENTRIES)).rejects.toThrow('finished the export');
    expect(await folder.size(entry.name)).toBe(CUT.length);
  });

  describe('of attachments', () => {
    const attachment: Entry = { ...entryOf(500), kind: 'attachment', name: 'attachment 500' };
    const receipt: Receipt = { ...receiptOf(`attachments/${SHA256}`, 500), askedAt: 1000 };
    const of = async (adoptedAt?: number, url = attachment.url) =>
      (await new Receipts(folder, adoptedAt).of([{ ...attachment, url }])).size;

    test('one counts for the URL by which it came, whatever its signature', async () => {
      await store({ ...receipt, link: attachmentMark(`${attachment.url}?X-Amz-Signature=1`) });
      expect([await of(), await of(2000)]).toEqual([1, 1]);
      const other = `${attachment.url}0`;
      expect([await of(undefined, other), await of(2000, other)]).toEqual([0, 0]);
    });

    test('one of an earlier version counts when this run has numbered it', async () => {
      await store(receipt);
      expect([await of(), await of(1000), await of(1001)]).toEqual([1, 1, 0]);
    });

    test('one whose content another one has as well is fetched again once when it was cut', async () => {
      const other: Entry = { ...attachment, ordinal: 501, url: 'https://a.example/other' };
      const all = [attachment, other].map((one) => ({
        ...receipt,
        ordinal: one.ordinal,
        link: attachmentMark(one.url),
      }));
      await store(...all);
      await folder.write(receipt.name, CUT);
      expect((await receipts.thatHold([attachment])).size).toBe(0);
      expect(await folder.size(receipt.name)).toBeUndefined();
      await folder.write(receipt.name, WHOLE);
      expect([...(await receipts.thatHold([other])).keys()]).toEqual([501]);
    });
  });

  test('a receipt of another file counts for none', async () => {
    const [, entry] = ENTRIES as [Entry, Entry];
    const other: Entry = { ...entry, name: 'Condition.00001.ndjson' };
    expect((await receipts.thatHold([other])).size).toBe(0);
    expect((await receipts.of([other])).size).toBe(0);
    expect(await folder.size(entry.name)).toBe(WHOLE.length);
  });
});
