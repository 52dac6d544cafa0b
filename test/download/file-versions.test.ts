import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { Part } from '../../src/storage/folder.ts';
import { attemptFile } from '../support/fetch-attempt.ts';
import {
  LINES,
  OLD,
  NEW,
  LINE,
  etagOf,
  HALF,
  root,
  http,
  asked,
  serve,
  breakOff,
  half,
  whole,
  fetched,
  useVersionServer,
} from './version-server.ts';
import type { Handler } from './version-server.ts';

useVersionServer();

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

describe('a destination is told beforehand how long the file may be', () => {
  const chunked: Handler = (_, response) => {
    response.writeHead(200, { etag: etagOf(OLD) }).flushHeaders();
    response.end(OLD);
  };
  test.each<[string, Handler, number]>([
    ['by an answer with an ETag', (_, response) => whole(response, OLD), OLD.length],
    ['by an answer with a weak one', (_, response) => whole(response, OLD, { etag: 'W/"a"' }), OLD.length],
    [
      'by an answer that cannot be resumed',
      (_, response) => whole(response, OLD, { 'accept-ranges': 'none' }),
      OLD.length,
    ],
    [
      'by the manifest, when what comes is compressed',
      (_, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(OLD)),
      77,
    ],
    ['by the manifest, when the answer does not say it', chunked, 77],
  ])('%s', async (_, handler, bytes) => {
    const told: number[] = [];
    const wrap = (part: Part): Part => Object.assign(part, { expect: (bytes: number) => void told.push(bytes) });
    const url = await serve(handler);
    expect(await attemptFile({ http, root, url, wrap, entry: { fileSize: 77 } })).toMatchObject({ records: LINES });
    expect(told).toEqual([bytes]);
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
