import { pipeline } from 'node:stream';
import { parser } from 'stream-json/parser.js';
import type { Token } from 'stream-json/parser.js';
import { ContentError } from './body.ts';

/** Bytes at the beginning by which JSON is told apart. */
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

/** Decodes `Binary.data` (`content` in DSTU 2) while it comes; it may be far larger than memory. */
async function* decode(json: AsyncGenerator<Buffer>): AsyncIterable<Buffer> {
  let depth = 0;
  let key = '';
  let rest = '';
  for await (const token of tokensOf(json)) {
    if (token.name === 'startObject' || token.name === 'startArray') depth++;
    else if (token.name === 'endObject' || token.name === 'endArray') depth--;
    else if (token.name === 'keyValue') key = depth === 1 ? token.value : '';
    else if (token.name === 'stringChunk' && depth === 1 && (key === 'data' || key === 'content')) {
      const text = rest + token.value.replace(/\s+/g, '');
      const whole = text.length - (text.length % 4);
      rest = text.slice(whole);
      yield fromBase64(text.slice(0, whole));
    }
  }
  yield fromBase64(rest);
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
    throw new ContentError(`it is a FHIR Binary that is broken or cut (${(error as Error).message.slice(0, 80)})`);
  }
}

function fromBase64(text: string): Buffer {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw new ContentError('it is a FHIR Binary whose data is not base64');
  return Buffer.from(text, 'base64');
}
