import { once } from 'node:events';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { ServerClocks } from '../../src/auth/clock.ts';
import { requestToken } from '../../src/auth/token-request.ts';
import { askStatus } from '../../src/fhir-server/ask-status.ts';
import type { FhirServer } from '../../src/fhir-server/fhir-server.ts';
import { readGroup } from '../../src/fhir-server/read-group.ts';
import { withBodyMemory } from '../../src/activities/body-memory.ts';
import { HttpClient } from '../../src/http/http-client.ts';
import { listenOnLoopback } from '../support/listen.ts';
import { knownServer } from '../support/tls-servers.ts';

/** Fast enough not to be taken for silence, and without end. */
const PIECE = ' '.repeat(50);
const http = new HttpClient();
let listener: Server;
let origin: string;
let server: FhirServer;

beforeAll(async () => {
  listener = createServer((request, response) => {
    request.resume();
    if (request.url === '/at-work') response.writeHead(202, { 'retry-after': '7' });
    const timer = setInterval(() => response.write(PIECE), 20);
    response.on('close', () => clearInterval(timer));
  });
  origin = `http://127.0.0.1:${await listenOnLoopback(listener)}`;
  server = await knownServer(http, origin, {});
});
afterEach(() => vi.restoreAllMocks());
afterAll(async () => {
  await http.close();
  listener.close();
  listener.closeAllConnections();
  await once(listener, 'close');
});

const { signal } = new AbortController();
const SECOND = 1000;

test.each([
  ['a token', 20 * SECOND, () => askForToken()],
  ['the status of a job', 1200 * SECOND, () => askForStatus()],
  ['a Group', 600 * SECOND, () => readGroup(server, 'g', undefined, signal)],
  ['the CapabilityStatement', 20 * SECOND, () => server.metadata()],
])('whoever waits for %s gives an answer without end up', async (_, time, ask) => {
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  const limits = vi.spyOn(AbortSignal, 'timeout').mockImplementation(() => timeout(300));
  const outcome: unknown = await new MockActivityEnvironment().run(() => ask().catch((error: unknown) => error));
  expect(limits.mock.calls).toContainEqual([time]);
  const words = outcome instanceof Error ? `trouble ${outcome.name} ${outcome.message}` : JSON.stringify(outcome);
  expect(words).toMatch(/trouble.*(did not end within \d+ s|TimeoutError|aborted due to timeout)/);
});

test('a job that is at work is so whatever follows, and however slowly', async () => {
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  vi.spyOn(AbortSignal, 'timeout').mockImplementation((time) => timeout(time / 50));
  const answer = await new MockActivityEnvironment().run(() => askForStatus('/at-work'));
  expect(answer).toMatchObject({ kind: 'inProgress', retryAfter: 7000 });
});

function askForToken(): Promise<unknown> {
  const proof = () => Promise.resolve({ headers: {}, fields: {}, secrets: [] });
  const rules = { trustedHeaders: {}, trustedOrigins: new Set<string>(), loopback: true };
  return requestToken(http, rules, new ServerClocks(), {
    tokenUrl: `${origin}/token`,
    scope: undefined,
    proof,
    supported: [],
  });
}

function askForStatus(path = '/status'): Promise<unknown> {
  const terms = { separateStatus: false, partial: false };
  return withBodyMemory(signal, (hold) =>
    askStatus(server, { url: `${origin}${path}`, terms, token: undefined, signal, hold }),
  );
}
