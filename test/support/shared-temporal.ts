import { createServer } from 'node:http';
import type { TestProject } from 'vitest/node';
import { findTemporalCli } from '../../src/temporal-server/cli.ts';
import type { TemporalServer } from '../../src/temporal-server/server.ts';
import { startTemporalServer } from '../../src/temporal-server/server.ts';
import { listenOnLoopback } from './listen.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Each GET gives a namespace that nobody else has. */
    temporalNamespaces: string;
  }
}

/** A namespace of the Temporal server that all files share; it has our search attributes. */
export interface SharedNamespace {
  address: string;
  /** Base of the HTTP API. */
  httpUrl: string;
  namespace: string;
}

/** Of one server, all made at its start: one that is registered later is known to all its parts after seconds only. */
const NAMESPACES = 200;
/**
 * Otherwise the server runs workflows of its own in each namespace, for schedules, batches and versions of workers.
 * Files that need those start a server of their own.
 */
const WITHOUT_OWN_WORKERS = ['--dynamic-config-value', 'worker.perNamespaceWorkerCount=0'];

/** Starts one Temporal server for the whole run, when it is first asked for, because each one costs a second of CPU. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const servers: Promise<TemporalServer>[] = [];
  let given = 0;
  async function next(): Promise<SharedNamespace> {
    const number = given++;
    // In a watch they may come to an end.
    if (number % NAMESPACES === 0) servers.push(start());
    const { address, httpUrl } = await (servers[Math.floor(number / NAMESPACES)] as Promise<TemporalServer>);
    return { address, httpUrl, namespace: nameOf(number % NAMESPACES) };
  }
  const listener = createServer((_request, response) => {
    next().then(
      (namespace) => response.end(JSON.stringify(namespace)),
      (error: Error) => response.writeHead(500).end(error.message),
    );
  });
  const port = await listenOnLoopback(listener);
  project.provide('temporalNamespaces', `http://127.0.0.1:${port}`);

  return async () => {
    listener.close();
    listener.closeAllConnections();
    for (const server of await Promise.allSettled(servers)) {
      if (server.status === 'fulfilled') await server.value.stop();
    }
  };
}

async function start(): Promise<TemporalServer> {
  return startTemporalServer({
    cli: await findTemporalCli(() => {}),
    ports: 'free',
    headless: true,
    extraArgs: [
      ...Array.from({ length: NAMESPACES }, (_, index) => ['--namespace', nameOf(index)]).flat(),
      ...WITHOUT_OWN_WORKERS,
    ],
  });
}

function nameOf(index: number): string {
  return `test-${index}`;
}

/** @param url where namespaces are given out, `temporalNamespaces` of the run */
export async function takeNamespace(url: string): Promise<SharedNamespace> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(await answer.text());
  return (await answer.json()) as SharedNamespace;
}
