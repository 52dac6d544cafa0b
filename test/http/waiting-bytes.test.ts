import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { SLAB, release } from '../../src/http/slabs.ts';
import { get, serve, useLocalServers } from './local-servers.ts';

useLocalServers();

/** Sends chunks of 8 KiB until the connection closes. */
function sendForever(response: ServerResponse): void {
  const chunk = Buffer.alloc(8192, 'x');
  const send = (): void => {
    while (!response.destroyed && response.write(chunk));
    if (!response.destroyed) response.once('drain', send);
  };
  send();
}

test('a connection holds no more than a few reads, however slow its receiver is', async () => {
  const sockets: Socket[] = [];
  const onConnected = (message: unknown): void => void sockets.push((message as { socket: Socket }).socket);
  subscribe('undici:client:connected', onConnected);
  const { body } = await get(`${await serve((_, response) => sendForever(response))}/`);
  unsubscribe('undici:client:connected', onConnected);
  let taken = 0;
  let rounds = 0;
  let most = 0;
  // Less at a time than one read brings.
  const receiving = body.receive((chunk) => {
    taken += chunk.length;
    release(chunk);
    if (taken < 256 * 1024) return undefined;
    taken = 0;
    most = Math.max(most, sockets[0]?.readableLength ?? Infinity);
    if (++rounds === 100) body.destroy();
    return setTimeout(4);
  });
  await expect(receiving).rejects.toThrow('not wanted');
  expect(sockets).toHaveLength(1);
  expect(most).toBeLessThanOrEqual(3 * SLAB);
});
