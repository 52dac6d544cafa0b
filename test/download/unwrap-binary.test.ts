import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { isJson, unwrapBinary } from '../../src/download/unwrap-binary.ts';
import { seededRandom } from '../support/random.ts';

/** The bytes in pieces of a random size, as a network brings them. */
async function* inPieces(bytes: Buffer, most = 50_000, seed = 1): AsyncGenerator<Buffer> {
  const random = seededRandom(seed);
  for (let at = 0; at < bytes.length;) {
    const size = 1 + Math.floor(random() * most);
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function unwrap(text: string | Buffer, expected?: string, most?: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of unwrapBinary(inPieces(Buffer.from(text), most), expected)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const content = randomBytes(300_001);
const data = content.toString('base64');

describe('a FHIR Binary becomes its content', () => {
  test.each([
    ['as most servers write it', JSON.stringify({ resourceType: 'Binary', id: 'ä', contentType: 'a/b', data })],
    ['pretty, with a mark', `\ufeff${JSON.stringify({ resourceType: 'Binary', data }, null, 2)}`],
    ['with slashes escaped', JSON.stringify({ resourceType: 'Binary', data }).replaceAll('/', '\\/')],
    ['in lines of 76', JSON.stringify({ resourceType: 'Binary', data: data.replace(/.{76}/g, '$&\r\n') })],
    ['of DSTU 2', JSON.stringify({ resourceType: 'Binary', content: data })],
    [
      'with other strings around',
      JSON.stringify({ resourceType: 'Binary', meta: { data: 'AAAA', tag: [{ data: 'AAAA' }] }, data, z: 'AAAA' }),
    ],
  ])('%s', async (_, text) => {
    expect((await unwrap(text)).equals(content)).toBe(true);
  });

  test('also when its type comes last, if it is small', async () => {
    expect((await unwrap('{"data":"YWJj","resourceType":"Binary"}')).toString()).toBe('abc');
  });

  test('byte by byte', async () => {
    expect((await unwrap('{"resourceType":"Binary","data":"YWJjZA=="}', 'text/plain', 1)).toString()).toBe('abcd');
    await expect(unwrap('{"resourceType":"Binary","data":"YQ==YWJj"}', undefined, 1)).rejects.toThrow(/not base64/);
  });

  test('without the padding, which says nothing', async () => {
    expect((await unwrap('{"resourceType":"Binary","data":"YWJjZA"}', 'text/plain', 1)).toString()).toBe('abcd');
  });

  test('empty, where it says that its data is empty', async () => {
    expect(await unwrap('{"resourceType":"Binary","data":""}')).toHaveLength(0);
  });
});

describe('what is no whole Binary is refused', () => {
  test.each([
    ['cut', '{"resourceType":"Binary","data":"YWJj', undefined, /broken or cut/],
    ['without data', '{"resourceType":"Binary","contentType":"application/pdf"}', 'application/pdf', /without data/],
    ['without data of its own', '{"resourceType":"Binary","meta":{"data":"YWJj"}}', undefined, /without data/],
    ['with a reason for no data', '{"resourceType":"Binary","_data":{"extension":[]}}', undefined, /without data/],
    ['with data twice', '{"resourceType":"Binary","data":"YWJj","data":"YWJj"}', undefined, /more than once/],
    [
      'with data of two versions',
      '{"resourceType":"Binary","content":"YWJj","data":"YWJj"}',
      undefined,
      /more than once/,
    ],
    ['with data that is null', '{"resourceType":"Binary","data":null}', undefined, /no text/],
    ['with data that is a number', '{"resourceType":"Binary","data":1234}', undefined, /no text/],
    ['with data that is true', '{"resourceType":"Binary","data":true}', undefined, /no text/],
    ['with data in a list', '{"resourceType":"Binary","data":["YWJj"]}', undefined, /no text/],
    ['with data in an object', '{"resourceType":"Binary","data":{"data":"YWJj"}}', undefined, /no text/],
    ['with an empty list for data', '{"resourceType":"Binary","data":[]}', undefined, /no text/],
    ['not base64', '{"resourceType":"Binary","data":"###"}', undefined, /not base64/],
    ['base64 with a bit too much', '{"resourceType":"Binary","data":"YWJjZ"}', undefined, /not base64/],
    ['base64 that goes on behind its end', '{"resourceType":"Binary","data":"YQ==YWJj"}', undefined, /not base64/],
    [
      'two',
      '{"resourceType":"Binary","data":"YWJj"}{"resourceType":"Binary","data":"YWJj"}',
      undefined,
      /broken or cut/,
    ],
    ['nothing', '', undefined, /empty/],
    ['an OperationOutcome', '{"resourceType":"OperationOutcome","issue":[]}', undefined, /OperationOutcome/],
    ['an OperationOutcome for JSON', '{"resourceType":"OperationOutcome"}', 'application/json', /OperationOutcome/],
    ['JSON instead of a PDF', '{"error":"x"}', 'application/pdf', /JSON instead/],
    ['a resource instead of a PDF', '{"resourceType":"Bundle"}', 'application/pdf', /type Bundle/],
  ])('%s', async (_, text, expected, message) => {
    await expect(unwrap(text, expected)).rejects.toThrow(message);
  });

  test('what the wire throws is passed on', async () => {
    async function* broken(): AsyncGenerator<Buffer> {
      yield Buffer.from(`{"resourceType":"Binary","data":"${data}`);
      throw new TypeError('reset');
    }
    const reading = (async () => {
      for await (const _ of unwrapBinary(broken(), undefined)) void _;
    })();
    await expect(reading).rejects.toThrow(new TypeError('reset'));
  });
});

test('JSON that is expected is stored as it is', async () => {
  const text = JSON.stringify({ resourceType: 'Bundle', entry: [{ resource: { resourceType: 'Binary', data } }] });
  expect((await unwrap(text, 'application/fhir+json')).toString()).toBe(text);
  expect((await unwrap(text)).toString()).toBe(text);
});

test.each([
  ['application/fhir+json; charset=utf-8', true],
  ['application/json+fhir', true],
  ['application/json', true],
  ['application/pdf', false],
  [undefined, false],
])('%s is JSON: %s', (mediaType, expected) => {
  expect(isJson(mediaType)).toBe(expected);
});
