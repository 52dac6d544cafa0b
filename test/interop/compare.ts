import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Resource } from './hospital.ts';

/** Resources of the data files of an export, and what its manifest says of them. */
export async function readExport(location: string): Promise<Resource[]> {
  const manifest = JSON.parse(await readFile(join(location, 'manifest.json'), 'utf8')) as {
    output: { url: string; count: number }[];
  };
  const isOutput = (name: string) => name.endsWith('.ndjson') && !['log.ndjson', 'deletions.ndjson'].includes(name);
  const files = (await readdir(location)).filter(isOutput);
  assert.deepEqual(files.sort(), manifest.output.map(({ url }) => url).sort(), 'the manifest names every file once');
  const resources: Resource[] = [];
  for (const { url, count } of manifest.output) {
    const lines = (await readFile(join(location, url), 'utf8')).split('\n').filter((line) => line !== '');
    assert.equal(lines.length, count, `${url} has as many lines as the manifest says`);
    resources.push(...lines.map((line) => JSON.parse(line) as Resource));
  }
  return resources;
}

/** Every resource is there once and is equal, element by element. */
export function compare(exported: readonly Resource[], expected: readonly Resource[]): void {
  assert.deepEqual(exported.map(keyOf).sort(), expected.map(keyOf).sort(), 'the same resources');
  const found = new Map(exported.map((resource) => [keyOf(resource), resource]));
  for (const resource of expected) assert.deepEqual(found.get(keyOf(resource)), resource);
}

function keyOf({ resourceType, id }: Resource): string {
  return `${resourceType}/${id}`;
}
