import { AsyncLocalStorage } from 'node:async_hooks';
import { parentPort, workerData } from 'node:worker_threads';
import { HttpClient } from '../../http/http-client.ts';
import { OrderInThread } from './order-in-thread.ts';
import type { FromThread, ThreadSetup, ToThread } from './messages.ts';

/** A thread that fetches files as it is ordered: with connections, hashes, checks and file handles of its own. */
const { destinations, timeouts } = workerData as ThreadSetup;
const send = (message: FromThread): void => parentPort?.postMessage(message);
/** The order, if it is watched, for which something is done. */
const watched = new AsyncLocalStorage<number>();
const http = new HttpClient(
  timeouts,
  (answer) => send({ kind: 'answered', answer }),
  () => {
    const order = watched.getStore();
    return order === undefined ? undefined : (exchanged) => send({ order, kind: 'exchanged', exchanged });
  },
);
const orders = new Map<number, OrderInThread>();

parentPort?.on('message', (message: ToThread) => {
  if (message.kind === 'areYouAlive') return send({ kind: 'alive' });
  const { order: id } = message;
  if (message.kind === 'fetch') {
    const order = new OrderInThread(id, message.file, { destinations, http, send, onClosed: () => orders.delete(id) });
    orders.set(id, order);
    if (message.isWatched) void watched.run(id, () => order.fetch());
    else void order.fetch();
  } else void orders.get(id)?.take(message);
});
// Nobody would answer the order that it was about; so the thread ends, and its orders with it.
parentPort?.on('messageerror', (error) => {
  throw error;
});
send({ kind: 'ready' });
