import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Shape } from './shape.ts';
import { makeFile } from './shape.ts';

/** Files whose bytes are compared. */
const SAMPLES = 500;

/** Every file is in the manifest and in the folder, with the count that it must have; some are read. */
export async function checkDestination(location: string, shape: Shape): Promise<void> {
  const manifest = JSON.parse(await readFile(join(location, 'manifest.json'), 'utf8')) as {
    output: { type: string; url: string; count: number; fileSize: number; extension: { sha256: string } }[];
    error: { url: string }[];
  };
  assert.equal(manifest.output.length, shape.files);
  assert.deepEqual(
    manifest.error.map(({ url }) => url),
    ['error/OperationOutcome.00001.ndjson'],
  );
  const names = new Set((await readdir(location)).filter((name) => name.endsWith('.ndjson') && name !== 'log.ndjson'));
  assert.equal(names.size, shape.files);
  const every = Math.max(1, Math.floor(shape.files / SAMPLES));
  for (const [place, { type, url, count, fileSize, extension }] of manifest.output.entries()) {
    const made = makeFile(shape, place);
    assert.deepEqual({ type, count, fileSize }, { type: made.type, count: made.lines, fileSize: made.content.length });
    assert.ok(names.has(url), `${url} is not there`);
    if (place % every !== 0) continue;
    assert.equal(await readFile(join(location, url), 'utf8'), made.content);
    assert.equal(extension.sha256, createHash('sha256').update(made.content).digest('hex'));
  }
}
