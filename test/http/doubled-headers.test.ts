import { createServer } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HttpClient } from '../../src/http/http-client.ts';
import { listenOnLoopback } from '../support/listen.ts';

const LONG = 'x'.repeat(40_000);
const server = createServer((_, response) => {
  response
    .setHeader('retry-after', ['120', '120'])
    .setHeader('content-location', ['https://a.example/1', 'https://a.example/1'])
    .setHeader('link', ['<a>', '<b>'])
    // Node writes each character as a byte.
    .setHeader('location', Buffer.from('/jöb').toString('latin1'))
    .setHeader('x-latin', 'jöb')
    .setHeader('x-long', LONG)
    .writeHead(202)
    .end();
});
const http = new HttpClient();
let origin: string;

beforeAll(async () => {
  origin = `http://127.0.0.1:${await listenOnLoopback(server)}`;
});
afterAll(async () => {
  await http.close();
  server.close();
});

test('a header that is there twice counts once; others are joined, and there may be many; UTF-8 is read as such', async () => {
  const rules = { trustedOrigins: new Set<string>(), trustedHeaders: {}, loopback: true };
  const { headers, body } = await http.send({ method: 'GET', url: origin, headers: {} }, rules);
  await body.dump();
  expect(headers).toMatchObject({
    'retry-after': '120',
    'content-location': 'https://a.example/1',
    link: '<a>, <b>',
    location: '/jöb',
    'x-latin': 'jöb',
    'x-long': LONG,
  });
});
