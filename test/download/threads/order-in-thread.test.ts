import { expect, test } from 'vitest';
import { OrderInThread } from '../../../src/download/threads/order-in-thread.ts';
import { HttpClient } from '../../../src/http/http-client.ts';
import { serveFile } from '../../support/file-server.ts';
import { lines, orderOf, root, useThreads } from './threads-under-test.ts';

useThreads();

test.each(['discard', 'keep'] as const)('an order hears answers until its %s is done', async (kind) => {
  const content = lines(1000);
  const server = await serveFile({ size: content.length, bytes: (from, to) => content.subarray(from, to) });
  const http = new HttpClient();
  const told: string[] = [];
  const order = new OrderInThread(1, orderOf(server.url), {
    destinations: { local: { type: 'directory', path: root } },
    http,
    send: (message) => told.push(message.kind),
    onClosed: () => told.push('closed'),
  });
  await order.fetch();
  await order.take({ order: 1, kind });
  expect(told.filter((what) => what !== 'progress')).toEqual(['fetched', 'done', 'closed']);
  await http.close();
  await server.close();
});
