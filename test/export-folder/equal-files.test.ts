import { expect, test } from 'vitest';
import { EqualFiles } from '../../src/export-folder/equal-files.ts';
import type { Receipt } from '../../src/export-folder/receipt.ts';
import type { FileKind } from '../../src/fhir/manifest.ts';

const MINUTE = 60_000;
const SINCE = 1_000_000_000;

test.each<[FileKind, number | undefined, number, boolean]>([
  ['output', undefined, SINCE + MINUTE, true],
  ['output', 5, SINCE + MINUTE, true],
  ['output', 0, SINCE + MINUTE, false],
  ['deleted', undefined, SINCE + MINUTE, true],
  ['error', undefined, SINCE + MINUTE, false],
  // By the clock of another machine.
  ['output', undefined, SINCE - 4 * MINUTE, true],
  ['output', undefined, SINCE - 6 * MINUTE, false],
])(
  'a %s file with count %s, the later one asked for at %d, may have come twice: %s',
  (kind, count, askedAt, isTwice) => {
    const files = new EqualFiles(SINCE);
    const receipt = (time: number) => ({ sha256: 'ab'.repeat(32), askedAt: time }) as Receipt;
    expect(files.add({ kind, count }, { ...receipt(0), sha256: 'cd'.repeat(32) })).toBe(false);
    expect(files.add({ kind, count }, receipt(SINCE - 60 * MINUTE))).toBe(false);
    expect(files.add({ kind, count }, receipt(askedAt))).toBe(isTwice);
  },
);
