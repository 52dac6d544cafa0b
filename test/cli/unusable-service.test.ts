import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { CliUser } from '../support/cli.ts';
import { newCliUser } from '../support/cli.ts';
import { temporalEnv } from '../support/real-worker.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

vi.setConfig({ testTimeout: 60_000 });

const key = randomBytes(20).toString('hex');
/** Speaks HTTP/1.1, as the Web UI does. */
const page = createHttpServer((_, response) => response.end('a page'));
const silent = createServer(() => {});
const closing = createServer((socket) => socket.resetAndDestroy());
let user: CliUser;
let stack: Stack;

beforeAll(async () => {
  user = await newCliUser();
  stack = await startStack({ servers: {}, workers: false });
  for (const server of [page, silent, closing]) await once(server.listen(0, '127.0.0.1'), 'listening');
});
afterAll(async () => {
  for (const server of [page, silent, closing]) server.close();
  page.closeAllConnections();
  await user?.leave();
  await stack?.close();
});

const addressOf = (server: Server): string => `127.0.0.1:${(server.address() as AddressInfo).port}`;

describe('a service that cannot be used is named, with the cause and the variable to look at', () => {
  test.each<[string, () => NodeJS.ProcessEnv, RegExp]>([
    ['refused', () => ({ TEMPORAL_ADDRESS: '127.0.0.1:1' }), /nothing listens there; check TEMPORAL_ADDRESS \(/],
    ['no name', () => ({ TEMPORAL_ADDRESS: 'nobody.invalid:7233' }), /its name is not found; check TEMPORAL_ADDRESS/],
    [
      'TLS where there is none',
      () => ({ TEMPORAL_ADDRESS: stack.temporal.address, TEMPORAL_TLS: 'true' }),
      /it does not speak TLS; check TEMPORAL_ADDRESS and TEMPORAL_TLS/,
    ],
    [
      'TLS because of a key',
      () => ({ TEMPORAL_ADDRESS: stack.temporal.address, TEMPORAL_API_KEY: key }),
      /TEMPORAL_TLS, which TEMPORAL_API_KEY turns on, too/,
    ],
    [
      'a Web UI',
      () => ({ TEMPORAL_ADDRESS: addressOf(page) }),
      /it ends the connection; check TEMPORAL_ADDRESS \(the Web UI/,
    ],
    ['a reset', () => ({ TEMPORAL_ADDRESS: addressOf(closing) }), /it ends the connection; check TEMPORAL_ADDRESS/],
    ['silence', () => ({ TEMPORAL_ADDRESS: addressOf(silent) }), /nothing answers there; check TEMPORAL_ADDRESS/],
  ])('%s', async (_, env, why) => {
    const { code, stdout, stderr } = await user.run(['list'], env());
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(why);
    expect(stderr).toContain(`Temporal at ${env()['TEMPORAL_ADDRESS']} cannot be used: `);
    expect(stderr).not.toContain(key);
  });

  test.each([['list'], ['status', 'x'], ['schedule', 'list'], ['export', 'http://127.0.0.1:9/fhir']])(
    'a namespace that is not there: %s',
    async (...line) => {
      const env = { ...temporalEnv(stack), TEMPORAL_NAMESPACE: 'nope' };
      expect(await user.run(line, env)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('it has no namespace "nope"; check TEMPORAL_NAMESPACE, or create it'),
      });
    },
  );
});
