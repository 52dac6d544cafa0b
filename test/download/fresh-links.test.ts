import { describe, expect, test } from 'vitest';
import { attemptFile } from '../support/fetch-attempt.ts';
import {
  OLD,
  NEW,
  HALF,
  root,
  http,
  asked,
  serve,
  breakOff,
  whole,
  fetched,
  useVersionServer,
} from './version-server.ts';
import type { Handler } from './version-server.ts';

useVersionServer();

describe('a fresh link by which the rest is asked for', () => {
  /** An ETag that counts versions of one URL, as servers may: both files are at their first. */
  const etag = '"1"';
  const ranges =
    (content: Buffer): Handler =>
    (request, response, number) => {
      const { range } = request.headers;
      if (number === 0) return breakOff(response, { etag }, OLD.subarray(0, HALF));
      if (range === undefined) return whole(response, content, { etag });
      const headers = { etag, 'content-range': `bytes ${HALF}-${content.length - 1}/${content.length}` };
      return void response.writeHead(206, headers).end(content.subarray(HALF));
    };

  test('may lead to another file: nothing is joined unless the size shows that it is the same', async () => {
    const url = await serve(ranges(NEW));
    expect(await attemptFile({ http, root, url: `${url}/a` })).toMatchObject({ cause: 'outage', reached: HALF });
    const { content } = await fetched(`${url}/b`);
    expect(content.equals(NEW)).toBe(true);
    expect(asked.map(({ range }) => range)).toEqual([undefined, undefined]);
  });

  test.each([
    ['of the same path', '/a?sig=1', '/a?sig=2', {}],
    ['of another one, and of the same size', '/a', '/b', { 'content-length': OLD.length }],
  ])('%s goes on', async (_, before, after, size) => {
    const url = await serve((request, response, number) => {
      if (number === 0) breakOff(response, { etag, ...size }, OLD.subarray(0, HALF));
      else ranges(OLD)(request, response, number);
    });
    await attemptFile({ http, root, url: `${url}${before}` });
    const { content } = await fetched(`${url}${after}`);
    expect(content.equals(OLD)).toBe(true);
    expect(asked.map(({ range }) => range)).toEqual([undefined, `bytes=${HALF}-`]);
  });
});

describe('a refusal with 400', () => {
  const refusing = (body: string, status = 400) =>
    serve((_, response) => void response.writeHead(status, { 'content-type': 'application/xml' }).end(body));
  const xml = (code: string) =>
    `<?xml version='1.0'?><Error><Code>${code}</Code><Details>at /file?sig=x</Details></Error>`;

  test.each(['ExpiredToken', 'ExpiredRequest', 'TokenRefreshRequired'])(
    'by an object storage that says %s is about the link',
    async (code) => {
      const outcome = await attemptFile({ http, root, url: await refusing(xml(code)) });
      expect(outcome).toEqual({ cause: 'link', detail: 'HTTP 400, the link has ended' });
    },
  );

  test.each(['', '<html>Bad Request</html>', xml('InvalidArgument'), 'ExpiredToken'])(
    'is final otherwise: %s',
    async (body) => {
      const outcome = await attemptFile({ http, root, url: await refusing(body) });
      expect(outcome).toEqual({ cause: 'final', detail: 'HTTP 400' });
    },
  );

  test('is looked at of no other status', async () => {
    const outcome = await attemptFile({ http, root, url: await refusing(xml('ExpiredToken'), 422) });
    expect(outcome).toEqual({ cause: 'final', detail: 'HTTP 422' });
  });
});
