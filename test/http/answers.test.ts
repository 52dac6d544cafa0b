import { createServer } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HttpClient } from '../../src/http/http-client.ts';
import type { AnswerOf, Exchanged } from '../../src/http/messages.ts';
import type { RequestRules } from '../../src/http/rules.ts';
import { listenOnLoopback } from '../support/listen.ts';

const server = createServer((request, response) => {
  if (request.url === '/moved') response.writeHead(302, { location: '/file' }).end();
  else if (request.url === '/broken') response.destroy();
  else if (request.url === '/half') {
    response.writeHead(200, { 'content-length': '100' });
    response.write('0123456789', () => response.destroy());
  } else if (request.url === '/endless') response.writeHead(200).write('0123456789');
  else response.writeHead(request.url === '/file' ? 200 : 404).end();
});
const counted: AnswerOf[] = [];
const exchanged: Exchanged[] = [];
const http = new HttpClient(
  { headers: 2000, body: 2000 },
  (answer) => counted.push(answer),
  () => (one) => exchanged.push(one),
);
const rules: RequestRules = { server: 'a', trustedOrigins: new Set(), trustedHeaders: {}, loopback: true };
let origin: string;

beforeAll(async () => {
  origin = `http://127.0.0.1:${await listenOnLoopback(server)}`;
});
afterAll(async () => {
  await http.close();
  server.close();
});

test('each answer is counted once, redirects and those that never came included', async () => {
  const get = async (path: string, more: object, of = rules): Promise<void> => {
    const response = await http.send({ method: 'GET', url: `${origin}${path}`, headers: {}, ...more }, of);
    await response.body.dump();
  };
  await get('/moved', { what: 'file' });
  await get('/none', { what: 'status' });
  await expect(get('/broken', { what: 'token' })).rejects.toThrow();
  const aborted = AbortSignal.abort(new Error('the worker stops'));
  await expect(get('/file', { what: 'file', signal: aborted })).rejects.toThrow('the worker stops');
  await get('/file', {});
  await get('/file', { what: 'file' }, { ...rules, server: undefined });
  expect(counted.map(({ server, what, status }) => [server, what, status])).toEqual([
    ['a', 'file', 302],
    ['a', 'file', 200],
    ['a', 'status', 404],
    ['a', 'token', undefined],
  ]);
});

test('each request is told of once, when it is over: with its bytes, and why it has no end', async () => {
  exchanged.length = 0;
  const send = (path: string, more: object = {}) =>
    http.send({ what: 'file', method: 'GET', url: `${origin}${path}`, headers: {}, ...more }, rules);
  const told = (): unknown[] =>
    exchanged.splice(0).map(({ method, host, port, startedAt, endedAt, ...rest }) => {
      expect([method, host, `${port}`]).toEqual(['GET', '127.0.0.1', new URL(origin).port]);
      expect(endedAt).toBeGreaterThanOrEqual(startedAt);
      return rest;
    });
  const file = { server: 'a', what: 'file' };

  const { body } = await send('/half');
  await expect(body.receive(() => undefined)).rejects.toThrow();
  expect(told()).toEqual([{ ...file, status: 200, bytes: 10, error: 'UND_ERR_SOCKET' }]);

  const moved = await send('/moved');
  await moved.body.dump();
  expect(told()).toEqual([
    { ...file, status: 302, bytes: 0 },
    { ...file, status: 200, bytes: 0 },
  ]);

  await expect(send('/broken')).rejects.toThrow();
  expect(told()).toEqual([{ ...file, status: undefined, bytes: 0, error: 'UND_ERR_SOCKET' }]);

  const unwanted = await send('/endless');
  unwanted.body.destroy();
  expect(told()).toMatchObject([{ ...file, status: 200 }]);

  const abort = new AbortController();
  const aborted = await send('/endless', { signal: abort.signal });
  const receiving = aborted.body.receive(() => undefined);
  abort.abort(new RangeError('the worker stops'));
  await expect(receiving).rejects.toThrow('the worker stops');
  expect(told()).toMatchObject([{ ...file, status: 200, error: 'RangeError' }]);

  await expect(
    http.send({ what: 'file', method: 'GET', url: 'http://10.0.0.1/', headers: {} }, rules),
  ).rejects.toThrow();
  const uncounted = await http.send({ method: 'GET', url: `${origin}/file`, headers: {} }, rules);
  await uncounted.body.dump();
  expect(told()).toEqual([]);
});
