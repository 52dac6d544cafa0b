import { describe, expect, test } from 'vitest';
import { readManifest } from '../../src/fhir/manifest.ts';
import type { Manifest } from '../../src/fhir/manifest.ts';

const TIME = '2026-01-01T00:00:00.123+01:00';

function read(value: unknown): Manifest {
  const read = readManifest(JSON.stringify(value));
  if (read.kind === 'unusable') throw new Error(read.detail);
  return read.manifest;
}

describe('length and checksum in the extensions of DPC', () => {
  const sum = 'Ab12'.repeat(16);
  const sha256 = sum.toLowerCase();
  const dpc = (name: string): string => `https://dpc.cms.gov/${name}`;
  test.each([
    [
      { [dpc('file_length')]: 10, [dpc('checksum')]: `sha256:${sum}` },
      { length: 10, sha256 },
    ],
    [
      [
        { url: dpc('file_length'), valueDecimal: 10 },
        { url: dpc('checksum'), valueString: `sha256:${sum}` },
      ],
      { length: 10, sha256 },
    ],
    [[{ url: dpc('checksum'), valueString: `md5:${sum}` }, null, 'x', { url: dpc('file_length') }], {}],
    [{ [dpc('checksum')]: sum, [dpc('file_length')]: 'x' }, {}],
    [{ [dpc('checksum')]: `sha256:${sum}0` }, {}],
    [{ 'https://a.example/file_length': 10 }, {}],
    ['x', {}],
    [null, {}],
  ])('%j are %j', (extension, expected) => {
    const { files } = read({ transactionTime: TIME, output: [{ url: 'x', extension }] });
    expect(files).toEqual([{ kind: 'output', index: 0, url: 'x', ...expected }]);
  });
});
