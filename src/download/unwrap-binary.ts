import { pipeline } from 'node:stream';
import { parser } from 'stream-json/parser.js';
import type { Token } from 'stream-json/parser.js';
import { ContentError } from './content-error.ts';

/** Bytes at the beginning that show what JSON it is. */
const HEAD = 64 * 1024;

/** Whether a media type is one of JSON. */
export function isJson(mediaType: string | undefined): boolean {
  return /^\s*(application|text)\/([\w.-]+\+)?json(\+fhir)?\s*(;|$)/i.test(mediaType ?? '');
}

/**
 * The content of an attachment in an answer of JSON: a FHIR Binary is decoded (some servers wrap whatever is asked for:
 * Epic, Oracle Health), other JSON is passed on as it is when JSON is expected.
 *
 * @param expected media type of the content, when it is known
 * @throws ContentError when it is an OperationOutcome, other JSON than expected, or no whole Binary
 */
export async function* unwrapBinary(
  chunks: AsyncIterable<Buffer>,
  expected: string | undefined,
): AsyncIterable<Buffer> {
  const source = chunks[Symbol.asyncIterator]();
  const head: Buffer[] = [];
  let length = 0;
  let ended = false;
  while (length < HEAD && !ended) {
    const next = await source.next();
    ended = next.done === true;
    if (next.done === true) break;
    head.push(next.value);
    length += next.value.length;
  }
  const all = prepend(Buffer.concat(head), source);
  const type = resourceTypeOf(Buffer.concat(head), ended);
  if (type === 'Binary') yield* decode(all);
  else if (type === 'OperationOutcome' || (expected !== undefined && !isJson(expected)))
    throw new ContentError(
      `it is ${type === undefined ? 'JSON' : `a resource of type ${type}`} instead of the content`,
    );
  else if (length === 0) throw new ContentError('it says that it is JSON, and is empty');
  else yield* all;
}

async function* prepend(head: Buffer, source: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head;
  for (let next = await source.next(); next.done !== true; next = await source.next()) yield next.value;
}

/** Servers write the resource type first; of a small answer all of it is looked at. */
function resourceTypeOf(head: Buffer, isAll: boolean): string | undefined {
  const text = head.toString('utf8');
  const first = /^\ufeff?\s*\{\s*"resourceType"\s*:\s*"([A-Za-z]{1,64})"/.exec(text)?.[1];
  if (first !== undefined || !isAll) return first;
  try {
    const { resourceType } = JSON.parse(text) as { resourceType?: unknown };
    return typeof resourceType === 'string' && /^[A-Za-z]{1,64}$/.test(resourceType) ? resourceType : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Decodes `Binary.data` (`content` in DSTU 2 and STU 3) while it comes; it may be far larger than memory. One without it
 * says nothing of the content (FHIR R4: 0..1): only data that is there, and empty, is empty content.
 */
async function* decode(json: AsyncGenerator<Buffer>): AsyncIterable<Buffer> {
  const base64 = new Base64();
  let depth = 0;
  let times = 0;
  let isData = false;
  for await (const token of tokensOf(json)) {
    if (token.name === 'keyValue') {
      isData = depth === 1 && (token.value === 'data' || token.value === 'content');
      if (isData && ++times > 1) throw new ContentError('it is a FHIR Binary with data more than once');
      continue;
    }
    if (token.name === 'endObject' || token.name === 'endArray') depth--;
    if (isData && depth === 1) {
      if (!token.name.includes('tring')) throw new ContentError('it is a FHIR Binary whose data is no text');
      if (token.name === 'stringChunk') yield base64.decode(token.value);
    }
    if (token.name === 'startObject' || token.name === 'startArray') depth++;
  }
  yield base64.end();
  if (times === 0) throw new ContentError('it is a FHIR Binary without data');
}

/** Base64 in pieces of any length. */
class Base64 {
  #rest = '';
  #ended = false;

  decode(piece: string): Buffer {
    const text = this.#rest + piece.replace(/\s+/g, '');
    const whole = text.length - (text.length % 4);
    this.#rest = text.slice(whole);
    return this.#decode(text.slice(0, whole));
  }

  end(): Buffer {
    // A character alone has fewer bits than a byte. Padding that was left out loses nothing.
    if (this.#rest.length === 1) throw notBase64();
    return this.#decode(this.#rest);
  }

  #decode(text: string): Buffer {
    if (text === '') return Buffer.alloc(0);
    if (this.#ended || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw notBase64();
    this.#ended = text.endsWith('=');
    return Buffer.from(text, 'base64');
  }
}

function notBase64(): ContentError {
  return new ContentError('it is a FHIR Binary whose data is not base64');
}

async function* tokensOf(json: AsyncGenerator<Buffer>): AsyncGenerator<Token> {
  const tokens = parser.asStream({ packStrings: false, streamStrings: true, streamKeys: false, packNumbers: false });
  // What the wire throws is kept apart from what the parser finds.
  let broken: { error: unknown } | undefined;
  async function* watched(): AsyncGenerator<Buffer> {
    try {
      yield* json;
    } catch (error) {
      broken = { error };
      throw error;
    }
  }
  pipeline(watched, tokens, () => {});
  try {
    yield* tokens as AsyncIterable<Token>;
  } catch (error) {
    if (broken !== undefined) throw broken.error;
    if (error instanceof ContentError) throw error;
    throw new ContentError('it is a FHIR Binary that is broken or cut');
  }
}
