import { decodeJwt } from 'jose';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { ServerClocks } from '../../src/auth/clock.ts';
import { readSigners } from '../../src/auth/key-file.ts';
import type { Signer } from '../../src/auth/signer.ts';
import { assertionProof } from '../../src/auth/schemes/smart-backend.ts';
import { requestToken } from '../../src/auth/token-request.ts';
import { HttpClient } from '../../src/http/http-client.ts';
import type { AnsweringServer } from '../support/answering-server.ts';
import { startAnswering } from '../support/answering-server.ts';
import { makeKey } from '../support/keys.ts';

const RULES = { trustedHeaders: {}, trustedOrigins: new Set<string>(), loopback: true };
const http = new HttpClient();
let server: AnsweringServer;
let signer: Signer;

beforeAll(async () => {
  server = await startAnswering(() => ({}));
  const { privateJwk } = await makeKey('ES384', 'ec');
  [signer] = (await readSigners(JSON.stringify(privateJwk), undefined)) as [Signer];
});
beforeEach(() => {
  server.asked.length = 0;
});
afterAll(async () => {
  await http.close();
  await server.close();
});

function ask(clocks: ServerClocks) {
  const tokenUrl = `${server.origin}/token`;
  const proof = assertionProof({ clientId: 'me', tokenUrl, jku: undefined }, signer);
  return requestToken(http, RULES, clocks, { tokenUrl, scope: 'system/*.rs', proof, supported: [] });
}

/**
 * Answers as two machines do: one checks assertions, and another one before it writes `Date`.
 *
 * @param date what the Date says, and `right` by what assertions are checked: milliseconds since the epoch
 */
function answerBy(date: number, right: () => number): void {
  server.answer = ({ body }) => {
    const { iat = 0, exp = 0 } = decodeJwt(new URLSearchParams(body).get('client_assertion') ?? '');
    const now = right() / 1000;
    const headers = { Date: new Date(date).toUTCString() };
    return iat <= now && now < exp
      ? { headers, body: { access_token: 'abc', token_type: 'Bearer', expires_in: 300 } }
      : { status: 400, headers, body: { error: 'invalid_client' } };
  };
}

test.each([600, -600])('our clock is used where only the Date is wrong: by %i s', async (seconds) => {
  answerBy(Date.now() + seconds * 1000, () => Date.now());
  const clocks = new ServerClocks();
  for (let count = 0; count < 3; count++) expect(await ask(clocks)).toMatchObject({ kind: 'token' });
  // One refusal shows that the Date is wrong, and then it is known.
  expect(server.asked).toHaveLength(4);
});

test('the clock of the server is used again where ours is found to be wrong later', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  try {
    const right = Date.now();
    const clocks = new ServerClocks();
    answerBy(right - 600_000, () => right);
    await ask(clocks);
    await ask(clocks);
    expect(clocks.chosen(server.origin)).toBe('ours');
    vi.setSystemTime(right + 3_600_000);
    answerBy(right, () => right);
    expect(await ask(clocks)).toMatchObject({ kind: 'token' });
    expect(clocks.chosen(server.origin)).toBe('theirs');
  } finally {
    vi.useRealTimers();
  }
});

test('a Date without a zone, which is none of HTTP, says nothing', async () => {
  const clocks = new ServerClocks();
  server.answer = () => ({
    headers: { Date: '2020-01-01 00:00:00' },
    body: { access_token: 'abc', token_type: 'Bearer' },
  });
  await ask(clocks);
  expect(clocks.offset(server.origin)).toBe(0);
});

test.each([600, -600])('a refusal that is a whim ends nothing where our clock is wrong: by %i s', async (seconds) => {
  const theirs = () => Date.now() + seconds * 1000;
  const clocks = new ServerClocks();
  answerBy(theirs(), theirs);
  await ask(clocks);
  const right = server.answer;
  let isWhim = true;
  server.answer = (asked) => {
    if (!isWhim) return right(asked);
    isWhim = false;
    return { status: 400, headers: { Date: new Date(theirs()).toUTCString() }, body: { error: 'invalid_client' } };
  };
  expect(await ask(clocks)).toMatchObject({ kind: 'token' });
  expect(clocks.chosen(server.origin)).toBe('theirs');
});

test('nor where the first answer has told that our clock is wrong, and the second was a whim', async () => {
  const theirs = () => Date.now() + 600_000;
  answerBy(theirs(), theirs);
  const right = server.answer;
  let asked = 0;
  server.answer = (one) =>
    ++asked === 2
      ? { status: 400, headers: { Date: new Date(theirs()).toUTCString() }, body: { error: 'invalid_client' } }
      : right(one);
  expect(await ask(new ServerClocks())).toMatchObject({ kind: 'token' });
});

test('a client that is refused is asked for twice, and with clocks that differ three times', async () => {
  const refuse = (date: number) => {
    server.answer = () => ({
      status: 401,
      headers: { Date: new Date(date).toUTCString() },
      body: { error: 'invalid_client' },
    });
  };
  refuse(Date.now());
  await expect(ask(new ServerClocks())).rejects.toThrow('invalid_client');
  expect(server.asked).toHaveLength(2);
  refuse(Date.now() + 600_000);
  await expect(ask(new ServerClocks())).rejects.toThrow('invalid_client');
  expect(server.asked).toHaveLength(5);
});
