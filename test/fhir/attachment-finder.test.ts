import { expect, test } from 'vitest';
import { AttachmentFinder } from '../../src/fhir/attachment-finder.ts';
import type { FoundAttachment } from '../../src/fhir/attachments.ts';
import { attachmentUrl, findAttachments } from '../../src/fhir/attachments.ts';
import { JsonReader } from '../../src/fhir/json-reader.ts';
import { cutAnywhere, seededRandom } from '../support/random.ts';

const random = seededRandom(17);
const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;

function randomValue(depth: number): unknown {
  if (depth === 0 || random() < 0.2) return pick(['x', '}{"', 'ü€😀\\"', 0, -1.5e3, true, false, null, '#1', '']);
  if (random() < 0.3) return Array.from({ length: Math.floor(random() * 4) }, () => randomValue(depth - 1));
  const names = ['url', 'contentType', 'size', 'hash', 'title', '_url', 'extension', 'modifierExtension', 'value'];
  const fields = Array.from({ length: Math.floor(random() * 5) }, () => [pick(names), randomValue(depth - 1)]);
  if (random() < 0.4) fields.unshift(['url', pick(['https://a.example/1', 'Binary/1', '#1'])]);
  return Object.fromEntries(fields) as unknown;
}

test('a resource that is read while it comes has the attachments of one that is held', () => {
  let attachments = 0;
  for (let round = 0; round < 3000; round++) {
    const resource = { resourceType: 'Media', content: randomValue(6), size: pick([5, '7', null]) };
    const found: FoundAttachment[] = [];
    const reader = new JsonReader(new AttachmentFinder((one) => found.push(one)));
    const bytes = new TextEncoder().encode(JSON.stringify(resource, null, pick([0, 1])));
    const faults = cutAnywhere(bytes, random).map((piece) => reader.push(piece));
    expect([...faults, reader.end()].filter((fault) => fault !== undefined)).toEqual([]);
    const expected = findAttachments(resource);
    const sorted = (list: FoundAttachment[]): FoundAttachment[] =>
      list.toSorted((a, b) => (a.element < b.element ? -1 : 1));
    expect(sorted(found)).toEqual(sorted(expected));
    attachments += expected.length;
  }
  expect(attachments).toBeGreaterThan(500);
});

test('URLs that no server would take are not asked for', () => {
  expect(attachmentUrl(`https://a.example/${'x'.repeat(100)}`, 'https://a.example')).toBeDefined();
  expect(attachmentUrl(`https://a.example/${'x'.repeat(17_000)}`, 'https://a.example')).toBeUndefined();
});
