import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { ExportReport } from '../../src/contract.ts';

export interface Line {
  resource: string;
  element: string;
  url: string;
  contentType?: string;
  file?: string;
  bytes?: number;
  sha256?: string;
  differs?: string[];
  missing?: string;
}

export async function readIndex(location: string): Promise<Line[]> {
  const text = await readFile(join(location, 'attachments/index.ndjson'), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

/** Every attachment with a URL that the stored resources name is there, and has the hash that they say. */
export async function expectAllAttachments({ location, attachments }: ExportReport): Promise<void> {
  const lines = await readIndex(location);
  const wanted = new Map<string, string>();
  for (const name of (await readdir(location)).filter((one) => one.startsWith('DocumentReference'))) {
    for (const line of (await readFile(join(location, name), 'utf8')).trimEnd().split('\n')) {
      const { id, content } = JSON.parse(line) as {
        id: string;
        content: { attachment: { url?: string; hash: string } }[];
      };
      if (content[0]?.attachment.url !== undefined) wanted.set(`DocumentReference/${id}`, content[0].attachment.hash);
    }
  }
  expect(wanted.size).toBeGreaterThan(0);
  expect(lines.map(({ resource }) => resource).sort()).toEqual([...wanted.keys()].sort());
  for (const { resource, element, file = '', bytes, sha256, differs } of lines) {
    const content = await readFile(join(location, file));
    expect(createHash('sha1').update(content).digest('base64')).toBe(wanted.get(resource));
    expect(createHash('sha256').update(content).digest('hex')).toBe(sha256);
    expect({ element, file, bytes, differs }).toEqual({
      element: 'content[0].attachment',
      file: `attachments/${sha256}`,
      bytes: content.length,
    });
  }
  expect(attachments).toEqual({
    files: wanted.size,
    bytes: lines.reduce((sum, { bytes = 0 }) => sum + bytes, 0),
    missing: 0,
  });
  expect((await readdir(join(location, '.export'))).sort()).not.toContain('attachments');
}
