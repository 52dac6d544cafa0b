import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { get, manifestOf, start } from '../server-under-test.ts';

describe('data', () => {
  test('the same seed gives the same bytes, another seed does not', async () => {
    const hashes = async (seed: number) => {
      const server = await start({ seed, attachmentUrls: 'relative' });
      await manifestOf(server);
      return server.expectedFiles().map(({ name, sha256 }) => `${name} ${sha256}`);
    };
    const first = await hashes(1);
    expect(await hashes(1)).toEqual(first);
    expect(await hashes(2)).not.toEqual(first);
  });

  test('expectedFiles tells what a client gets', async () => {
    const server = await start({ linesPerFile: 100 });
    const manifest = await manifestOf(server);
    const expected = server.expectedFiles();
    expect(manifest.output?.map((item) => item.url)).toEqual(expected.map((file) => file.url));
    expect(expected.filter((file) => file.type === 'Observation').length).toBeGreaterThan(1);
    for (const file of expected) {
      const { bytes, text } = await get(file.url);
      expect(bytes.equals(readFileSync(file.path))).toBe(true);
      expect([bytes.length, text.split('\n').length - 1]).toEqual([file.bytes, file.lines]);
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(file.sha256);
      for (const line of text.trimEnd().split('\n')) expect(JSON.parse(line)).toHaveProperty('resourceType', file.type);
    }
  });

  test('lines are short and long, with characters and decimals that are easily damaged', async () => {
    const server = await start({ patients: 50 });
    const manifest = await manifestOf(server);
    const text = (await Promise.all((manifest.output ?? []).map((item) => get(item.url))))
      .map((file) => file.text)
      .join('');
    const lengths = text
      .split('\n')
      .slice(0, -1)
      .map((line) => line.length);
    expect(Math.min(...lengths)).toBeLessThan(260);
    expect(Math.max(...lengths)).toBeGreaterThan(100_000);
    for (const part of ['Ñandú', 'Łódź', '日本語', '😀', '"value":1.10,', '"value":12345678901234567890.5,']) {
      expect(text).toContain(part);
    }
  });

  test('attachments are readable as bytes and as FHIR Binary', async () => {
    const server = await start();
    const manifest = await manifestOf(server, 'Patient/$export?_type=DocumentReference');
    const line = (await get(manifest.output?.[0]?.url ?? '')).text.split('\n')[0] ?? '';
    const { url, hash } = (JSON.parse(line) as { content: [{ attachment: { url: string; hash: string } }] }).content[0]
      .attachment;
    const raw = await get(url);
    expect(createHash('sha1').update(raw.bytes).digest('base64')).toBe(hash);
    const resource = JSON.parse((await get(url, { accept: 'application/fhir+json' })).text) as { data: string };
    expect(Buffer.from(resource.data, 'base64').equals(raw.bytes)).toBe(true);
  });
});
