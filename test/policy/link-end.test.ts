import { expect, test } from 'vitest';
import { linkEnd } from '../../src/policy/link-end.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const SECONDS = NOW / 1000;

test.each([
  ['AWS Signature 4', 'X-Amz-Date=20260101T000000Z&X-Amz-Expires=300&X-Amz-Signature=ab', 300],
  ['AWS Signature 4, signed a while ago', 'X-Amz-Date=20251231T235900Z&X-Amz-Expires=300&X-Amz-Signature=ab', 240],
  ['AWS Signature 2', `AWSAccessKeyId=A&Expires=${SECONDS + 60}&Signature=x%2By`, 60],
  ['CloudFront', `Expires=${SECONDS + 60}&Signature=x~&Key-Pair-Id=K`, 60],
  ['Google Cloud Storage', 'X-Goog-Date=20260101T000000Z&X-Goog-Expires=900&X-Goog-Signature=ab', 900],
  ['Azure SAS', 'sv=2024-01-01&se=2026-01-01T01%3A00%3A00Z&sr=b&sp=r&sig=x%3D', 3600],
])('the link of %s says when it ends', (_, query, seconds) => {
  expect(linkEnd(`https://files.example/a?${query}`, NOW)).toBe(NOW + seconds * 1000);
});

test.each([
  '',
  `Expires=${SECONDS + 60}`,
  'se=2026-01-01T01%3A00%3A00Z',
  `Expires=${SECONDS - 60}&Signature=x`,
  `Expires=${NOW + 60_000}&Signature=x`,
  'Expires=soon&Signature=x',
  'X-Amz-Date=20260101T000000Z',
  'X-Amz-Date=2026&X-Amz-Expires=300',
  'X-Amz-Date=20260101T000000Z&X-Amz-Expires=',
])('nothing is made of "%s"', (query) => {
  expect(linkEnd(`https://files.example/a?${query}`, NOW)).toBeUndefined();
});
