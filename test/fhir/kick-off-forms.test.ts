import { expect, test } from 'vitest';
import type { KickOff } from '../../src/fhir/kick-off.ts';
import { buildKickOff } from '../../src/fhir/kick-off.ts';

function sent(more: Partial<KickOff>): string {
  const { url, body } = buildKickOff({
    baseUrl: 'https://a.example',
    level: 'system',
    parameters: [
      { name: '_type', values: ['Patient', 'Group'] },
      { name: '_typeFilter', values: ['Patient?gender=male,female'] },
    ],
    prefer: [],
    method: 'get',
    operation: 'export',
    ...more,
  });
  return body === undefined ? decodeURIComponent(new URL(url).search) : body;
}
const texts = (body: string): string[] =>
  (JSON.parse(body) as { parameter: { valueString: string }[] }).parameter.map(({ valueString }) => valueString);

test('a server that reads the first repetition only gets one text, whatever version it declares', () => {
  expect(texts(sent({ method: 'post', version: 4, lists: 'comma' }))[0]).toBe('Patient,Group');
  expect(texts(sent({ method: 'post', version: 4 })).slice(0, 2)).toEqual(['Patient', 'Group']);
});

test('a server that knows no commas gets repetitions', () => {
  expect(sent({ lists: 'repeat' })).toContain('_type=Patient&_type=Group');
  expect(texts(sent({ method: 'post', lists: 'repeat' })).slice(0, 2)).toEqual(['Patient', 'Group']);
  expect(sent({})).toContain('_type=Patient,Group');
});

test.each([
  ['encoded', 3, '%2C'],
  ['plain', undefined, ','],
  ['auto', 3, ','],
  ['auto', undefined, '%2C'],
] as const)('commas of a filter: %s, version %s: %s', (typeFilterCommas, version, comma) => {
  expect(sent({ typeFilterCommas, version })).toContain(`gender=male${comma}female`);
});

test.each([
  ['comma', undefined, 'A?x=a%2Cb,B?y=c'],
  ['comma', 1, 'A?x=a%2Cb,B?y=c'],
  ['comma', 3, 'A?x=a%2Cb,B?y=c'],
  ['repeat', 1, 'A?x=a%2Cb&_typeFilter=B?y=c'],
  ['repeat', 3, 'A?x=a,b&_typeFilter=B?y=c'],
] as const)('several filters: %s, version %s: %s', (typeFilterList, version, text) => {
  const parameters = [{ name: '_typeFilter', values: ['A?x=a,b', 'B?y=c'] }];
  expect(sent({ parameters, typeFilterList, version })).toBe(`?_typeFilter=${text}`);
});
