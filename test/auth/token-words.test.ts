import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ServerClocks } from '../../src/auth/clock.ts';
import { secretProof } from '../../src/auth/schemes/client-secret.ts';
import { requestToken } from '../../src/auth/token-request.ts';
import { HttpClient } from '../../src/http/http-client.ts';
import type { Answer, AnsweringServer } from '../support/answering-server.ts';
import { startAnswering } from '../support/answering-server.ts';

const SECRET = 's+ &/"x';
const RULES = { trustedHeaders: {}, trustedOrigins: new Set<string>(), loopback: true };
const http = new HttpClient();
let server: AnsweringServer;

beforeAll(async () => {
  server = await startAnswering(() => ({}));
});
beforeEach(() => {
  server.asked.length = 0;
});
afterAll(async () => {
  await http.close();
  await server.close();
});

const ask = () =>
  requestToken(http, RULES, new ServerClocks(), {
    tokenUrl: `${server.origin}/token`,
    scope: 'system/*.rs',
    proof: secretProof('me', async () => SECRET, 'form'),
    supported: [],
  });

const refusal = (error: string, status: number): Answer => ({
  status,
  body: { error, error_description: 'no database' },
});

test.each<[string, Answer]>([
  ['server_error', refusal('server_error', 200)],
  ['temporarily_unavailable', refusal('temporarily_unavailable', 400)],
])('a fault that OAuth calls one may pass: %s', async (error, answer) => {
  server.answer = () => answer;
  const detail = `token endpoint: HTTP ${answer.status}: {"error":"${error}","error_description":"no database"}`;
  expect(await ask()).toEqual({ kind: 'trouble', detail, retryAfter: undefined });
  expect(server.asked).toHaveLength(1);
});

test('a token under another name is not quoted', async () => {
  const hidden = { token: SECRET, data: { access_token: SECRET } };
  for (const body of [hidden, { error: '', ...hidden }, { error: 'oops', ...hidden }]) {
    server.answer = () => ({ body });
    const message = await ask().then(JSON.stringify, (error: Error) => error.message);
    expect(message).toMatch(/answered (HTTP )?200/);
    expect(message).not.toContain('s+');
  }
});
