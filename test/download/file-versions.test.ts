import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HttpClient } from '../../src/http/http-client.ts';
import { seededRandom } from '../support/random.ts';
import { attemptFile, publishedAt } from '../support/fetch-attempt.ts';

const LINES = 400;

/** All versions have lines of one length: joined anywhere at a line's end, they look like one file. */
function version(name: string, lines = LINES): Buffer {
  const line = (n: number): string => `{"resourceType":"Patient","id":"${name}-${String(n).padStart(6, '0')}"}\n`;
  return Buffer.from(Array.from({ length: lines }, (_, n) => line(n)).join(''));
}

const OLD = version('a');
const NEW = version('b');
const LINE = OLD.length / LINES;
const etagOf = (content: Buffer): string => `"${content.subarray(32, 33).toString()}${content.length}"`;
const HALF = LINE * (LINES / 2);

type Handler = (request: IncomingMessage, response: ServerResponse, number: number) => void;

let root: string;
let http: HttpClient;
let asked: IncomingHttpHeaders[];
let close: () => Promise<void>;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'versions-'));
  http = new HttpClient({ headers: 1000, body: 1000 });
  asked = [];
  close = async () => {};
});
afterEach(async () => {
  await http.close();
  await close();
  await rm(root, { recursive: true, force: true });
});

async function serve(handle: Handler): Promise<string> {
  const server = createServer((request, response) => {
    asked.push(request.headers);
    handle(request, response, asked.length - 1);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`;
}

/** Sends some bytes and breaks off. */
function breakOff(response: ServerResponse, headers: Record<string, string | number>, bytes: Buffer): void {
  response.writeHead(200, headers);
  response.write(bytes, () => setTimeout(() => response.destroy(), 5));
}

/** The first attempt gets half of the old version. */
const half = (response: ServerResponse): void =>
  breakOff(response, { etag: etagOf(OLD), 'content-length': OLD.length }, OLD.subarray(0, HALF));

const whole = (response: ServerResponse, content: Buffer, headers: Record<string, string> = {}): void => {
  response.writeHead(200, { 'content-length': content.length, etag: etagOf(content), ...headers }).end(content);
};

/** Attempts until the file is there. */
async function fetched(url: string, most = 5): Promise<{ content: Buffer; troubles: unknown[] }> {
  const troubles: unknown[] = [];
  while (troubles.length < most) {
    const outcome = await attemptFile({ http, root, url });
    if ('sha256' in outcome) {
      expect(await readdir(join(root, 'export/.export/parts'))).toEqual([]);
      return { content: await readFile(publishedAt(root)), troubles };
    }
    troubles.push(outcome);
  }
  throw new Error(JSON.stringify(troubles));
}

describe('the rest is not joined to what is there, and all of the file is asked for at once', () => {
  const rest = (content: Buffer): Buffer => content.subarray(HALF);
  const range = `bytes ${HALF}-${OLD.length - 1}/${OLD.length}`;
  test.each<[string, Record<string, string>, Buffer]>([
    ['it has another ETag', { etag: etagOf(NEW), 'content-range': range }, rest(NEW)],
    ['it has a weak ETag', { etag: `W/${etagOf(OLD)}`, 'content-range': range }, rest(NEW)],
    ['it has no ETag', { 'content-range': range }, rest(NEW)],
    ['it has another total', { etag: etagOf(OLD), 'content-range': `${range}0` }, rest(NEW)],
    ['it has several parts', { etag: etagOf(OLD), 'content-type': 'multipart/byteranges; boundary=x' }, rest(NEW)],
    [
      'it is compressed',
      { etag: etagOf(OLD), 'content-range': range, 'content-encoding': 'gzip' },
      gzipSync(rest(NEW)),
    ],
    ['its length is another', { etag: etagOf(OLD), 'content-range': range }, rest(NEW).subarray(LINE)],
  ])('%s', async (_, headers, body) => {
    const url = await serve((request, response, number) => {
      if (number === 0) half(response);
      else if (request.headers.range === undefined) whole(response, NEW);
      else response.writeHead(206, { 'content-length': body.length, ...headers }).end(body);
    });
    const { content, troubles } = await fetched(url);
    expect(content.equals(NEW)).toBe(true);
    expect(troubles).toEqual([expect.objectContaining({ cause: 'outage', reached: HALF })]);
    expect(asked.map(({ range: one }) => one)).toEqual([undefined, `bytes=${HALF}-`, undefined]);
  });

  test('a part comes though nobody asked for one: content, however often', async () => {
    const url = await serve((_, response) => {
      response.writeHead(206, { etag: etagOf(OLD), 'content-range': `bytes 0-${HALF - 1}/${OLD.length}` });
      response.end(OLD.subarray(0, HALF));
    });
    for (let time = 0; time < 3; time++) {
      expect(await attemptFile({ http, root, url })).toMatchObject({ cause: 'content' });
    }
    expect(asked.every((headers) => headers.range === undefined)).toBe(true);
  });
});

describe('the validator of checkpoints is that of the answer that they are of', () => {
  const quarter = LINE * (LINES / 4);
  /** Ranges of the new version, as the standard says. */
  const ranges: Handler = (request, response) => {
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    if (from === 0 || request.headers['if-range'] !== etagOf(NEW)) return whole(response, NEW);
    const headers = { etag: etagOf(NEW), 'content-range': `bytes ${from}-${NEW.length - 1}/${NEW.length}` };
    return void response.writeHead(206, headers).end(NEW.subarray(from));
  };
  /** Half of the old version, then a quarter of the new one, in an answer of its own. */
  const twice =
    (validators: Record<string, string>, after: Handler): Handler =>
    (request, response, number) => {
      if (number === 0) half(response);
      else if (number === 1) {
        breakOff(response, { 'content-length': NEW.length, ...validators }, NEW.subarray(0, quarter));
      } else after(request, response, number);
    };

  test('after a 200', async () => {
    const url = await serve(twice({ etag: etagOf(NEW) }, ranges));
    const { content } = await fetched(url);
    expect(content.equals(NEW)).toBe(true);
    expect(asked[2]).toMatchObject({ range: `bytes=${quarter}-`, 'if-range': etagOf(NEW) });
  });

  test.each([
    ['none', {}],
    ['a weak one', { etag: 'W/"b"' }],
    ['one, and no ranges', { etag: etagOf(NEW), 'accept-ranges': 'none' }],
  ])('after a 200 with %s there are no checkpoints', async (_, validators: Record<string, string>) => {
    const lying: Handler = (request, response) => {
      // The old version is back, and its validator would hold.
      if (request.headers['if-range'] !== etagOf(OLD)) return whole(response, OLD);
      const headers = { etag: etagOf(OLD), 'content-range': `bytes ${quarter}-${OLD.length - 1}/${OLD.length}` };
      return void response.writeHead(206, headers).end(OLD.subarray(quarter));
    };
    const { content } = await fetched(await serve(twice(validators, lying)));
    expect(content.equals(OLD)).toBe(true);
    expect(asked[2]?.range).toBeUndefined();
  });

  test('after a 416', async () => {
    const url = await serve((_, response, number) => {
      if (number === 0) half(response);
      else if (number === 1) response.writeHead(416, { 'content-range': 'bytes */10' }).end();
      else if (number === 2) breakOff(response, { 'content-length': NEW.length }, NEW.subarray(0, quarter));
      else whole(response, NEW);
    });
    const { content } = await fetched(url);
    expect(content.equals(NEW)).toBe(true);
    expect(asked.map(({ range }) => range)).toEqual([undefined, `bytes=${HALF}-`, undefined, undefined]);
  });
});

describe('the end is where the server said that it is', () => {
  /** What the next request for the rest is answered with; then the rest comes as it should. */
  const answers =
    (headers: Record<string, string>, body: Buffer, chunked = false): Handler =>
    (request, response, number) => {
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      if (number === 0) return half(response);
      if (from === 0) return whole(response, OLD);
      if (number > 1) {
        const right = { etag: etagOf(OLD), 'content-range': `bytes ${from}-${OLD.length - 1}/${OLD.length}` };
        return void response.writeHead(206, right).end(OLD.subarray(from));
      }
      response.writeHead(206, { etag: etagOf(OLD), ...headers });
      if (chunked) response.flushHeaders();
      return void response.end(body);
    };
  const some = HALF + 10 * LINE;

  test.each([
    ['bytes a-b/*', `bytes ${HALF}-${some - 1}/*`],
    ['bytes a-b/total', `bytes ${HALF}-${some - 1}/${OLD.length}`],
  ])('less than the rest comes as %s: it is gone on with', async (_, range) => {
    const url = await serve(answers({ 'content-range': range }, OLD.subarray(HALF, some)));
    const { content, troubles } = await fetched(url);
    expect(content.equals(OLD)).toBe(true);
    expect(troubles[1]).toMatchObject({ cause: 'outage', reached: some });
    expect(asked[2]?.range).toBe(`bytes=${some}-`);
  });

  test('less comes than the range has, in chunks that end as they should', async () => {
    const range = `bytes ${HALF}-${OLD.length - 1}/${OLD.length}`;
    const url = await serve(answers({ 'content-range': range }, OLD.subarray(HALF, some), true));
    const { content, troubles } = await fetched(url);
    expect(content.equals(OLD)).toBe(true);
    expect(troubles[1]).toMatchObject({ cause: 'outage', reached: some });
  });

  test('less comes than the range has, up to the end of the connection', async () => {
    const range = `bytes ${HALF}-${OLD.length - 1}/${OLD.length}`;
    const url = await serve((request, response, number) => {
      if (number !== 1) return answers({}, OLD)(request, response, number);
      const { socket } = request;
      socket.write(`HTTP/1.1 206 Partial Content\r\nETag: ${etagOf(OLD)}\r\nContent-Range: ${range}\r\n`);
      socket.write('Connection: close\r\n\r\n');
      return void socket.end(OLD.subarray(HALF, some));
    });
    const { content, troubles } = await fetched(url);
    expect(content.equals(OLD)).toBe(true);
    expect(troubles[1]).toMatchObject({ cause: 'outage', reached: some });
  });

  test('more comes than the range has', async () => {
    const range = `bytes ${HALF}-${OLD.length - 1}/${OLD.length}`;
    const more = Buffer.concat([OLD.subarray(HALF), OLD.subarray(0, LINE)]);
    const url = await serve(answers({ 'content-range': range }, more, true));
    const { content, troubles } = await fetched(url);
    expect(content.equals(OLD)).toBe(true);
    expect(troubles[1]).toMatchObject({ cause: 'content' });
  });

  test('bytes a-b/* of a file whose size was never said: all of it again', async () => {
    const url = await serve((request, response, number) => {
      if (number === 0) breakOff(response, { etag: etagOf(OLD) }, OLD.subarray(0, HALF));
      else
        answers({ 'content-range': `bytes ${HALF}-${some - 1}/*` }, OLD.subarray(HALF, some))(
          request,
          response,
          number,
        );
    });
    const { content } = await fetched(url);
    expect(content.equals(OLD)).toBe(true);
    expect(asked[2]?.range).toBeUndefined();
  });
});

test('whatever the server does, what is published is one version', { timeout: 120_000 }, async () => {
  const random = seededRandom(11);
  const chance = (probability: number): boolean => random() < probability;
  const versions = ['a', 'b', 'c'].flatMap((name) => [version(name), version(name, LINES - 50)]);
  const pick = (): Buffer => versions[Math.floor(random() * versions.length)] as Buffer;
  let content = pick();
  let calm = false;
  /** Truthful about the validator of what it sends, and about nothing else. */
  const handle: Handler = (request, response) => {
    if (!calm && chance(0.4)) content = pick();
    const etag = etagOf(content);
    const shown = calm ? etag : chance(0.7) ? etag : chance(0.5) ? `W/${etag}` : undefined;
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const { 'if-range': ifRange } = request.headers;
    const holds = ifRange === etag || (!calm && chance(0.5));
    const headers: Record<string, string | number> = shown === undefined ? {} : { etag: shown };
    let status = 200;
    let [first, last] = [0, content.length - 1];
    if (from > 0 && from < content.length && holds && (calm || chance(0.9))) {
      status = 206;
      first = from;
      if (!calm && chance(0.3)) first = Math.max(0, from + LINE * (chance(0.5) ? 1 : -1));
      if (!calm && chance(0.3)) last = Math.min(last, first + LINE * Math.ceil(random() * 100) - 1);
      const total = calm || chance(0.6) ? content.length : chance(0.5) ? '*' : last + 1;
      headers['content-range'] = `bytes ${first}-${last}/${total}`;
      if (!calm && chance(0.1)) status = 200;
    } else if (from >= content.length && holds && chance(0.7)) {
      return void response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
    }
    const body = content.subarray(first, last + 1);
    // Cut at the end of a line, which no check of lines would see.
    const cut = calm || chance(0.3) ? undefined : LINE * Math.floor((random() * body.length) / LINE);
    const sized = calm || chance(0.6);
    if (sized) headers['content-length'] = body.length;
    if (cut === undefined) return void response.writeHead(status, headers).end(body);
    if (status === 200) headers['content-length'] = body.length;
    response.writeHead(status, headers);
    if (status === 206 && !sized && chance(0.5)) return void response.end(body.subarray(0, cut));
    return void response.write(body.subarray(0, cut), () => setTimeout(() => response.destroy(), 2));
  };
  const url = await serve(handle);
  const cases = 150;
  let joined = 0;
  for (let round = 0; round < cases; round++) {
    const place = join(root, String(round));
    calm = false;
    let attempts = 0;
    for (;;) {
      calm = attempts >= 12;
      const before = asked.length;
      const outcome = await attemptFile({ http, root: place, url });
      // Once for the rest, and once for all of it.
      expect(asked.length - before).toBeLessThanOrEqual(2);
      expect(++attempts).toBeLessThan(16);
      if (!('sha256' in outcome)) continue;
      const published = await readFile(publishedAt(place));
      expect(versions.some((one) => one.equals(published))).toBe(true);
      if (asked.length - before === 1 && asked.at(-1)?.range !== undefined) joined++;
      break;
    }
  }
  // Joining has not been given up altogether.
  expect(joined).toBeGreaterThan(cases / 10);
});
