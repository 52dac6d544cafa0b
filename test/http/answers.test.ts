import { createServer } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HttpClient } from '../../src/http/http-client.ts';
import type { AnswerOf } from '../../src/http/messages.ts';
import type { RequestRules } from '../../src/http/rules.ts';
import { listenOnLoopback } from '../support/listen.ts';

const server = createServer((request, response) => {
  if (request.url === '/moved') response.writeHead(302, { location: '/file' }).end();
  else if (request.url === '/broken') response.destroy();
  else response.writeHead(request.url === '/file' ? 200 : 404).end();
});
const counted: AnswerOf[] = [];
const http = new HttpClient({ headers: 2000, body: 2000 }, (answer) => counted.push(answer));
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
