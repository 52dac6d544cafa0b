import { request } from 'undici';
import { afterEach, expect } from 'vitest';
import {
  startSampleServer,
  type Manifest,
  type SampleServer,
  type SampleServerOptions,
} from '../../../dev/sample-server/index.ts';

const running: SampleServer[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()));
});

export async function start(options: SampleServerOptions = {}): Promise<SampleServer> {
  const server = await startSampleServer({ patients: 20, pollsUntilReady: 0, ...options });
  running.push(server);
  return server;
}

export type Parameter = { name: string; [value: string]: unknown };
export type KickOff = { parameters?: Parameter[]; method?: 'GET' | 'POST'; headers?: Record<string, string | null> };

export async function kickOff(server: SampleServer, path: string, { parameters, method, headers }: KickOff = {}) {
  const post = method === 'POST' || parameters !== undefined;
  const all = {
    accept: 'application/fhir+json',
    prefer: 'respond-async',
    ...(post && { 'content-type': 'application/fhir+json' }),
    ...headers,
  };
  const body = post ? JSON.stringify({ resourceType: 'Parameters', parameter: parameters }) : null;
  const sent = Object.entries(all).filter((header): header is [string, string] => header[1] !== null);
  return get(`${server.baseUrl}/${path}`, Object.fromEntries(sent), post ? 'POST' : 'GET', body);
}

export async function get(
  url: string,
  headers: Record<string, string> = {},
  method = 'GET',
  body: string | null = null,
) {
  const response = await request(url, { method, headers, body });
  const bytes = Buffer.from(await response.body.arrayBuffer());
  return { status: response.statusCode, headers: response.headers, bytes, text: bytes.toString() };
}

export const poll = (url: string) => get(url, { accept: 'application/json' });

/** Kicks off, expects completion at once, and returns the manifest. */
export async function manifestOf(server: SampleServer, path = '$export', options: KickOff = {}): Promise<Manifest> {
  const started = await kickOff(server, path, options);
  expect(started.status, started.text).toBe(202);
  const answer = await poll(String(started.headers['content-location']));
  expect(answer.status, answer.text).toBe(200);
  return JSON.parse(answer.text) as Manifest;
}

/** Ids of an export by type. */
export async function idsOf(manifest: Manifest): Promise<Record<string, string[]>> {
  const ids: Record<string, string[]> = {};
  for (const item of manifest.output ?? []) {
    const { text } = await get(item.url);
    for (const line of text.trimEnd().split('\n')) {
      const { resourceType, id } = JSON.parse(line) as { resourceType: string; id: string };
      (ids[resourceType] ??= []).push(id);
    }
  }
  return ids;
}

export const types = (manifest: Manifest) => [...new Set(manifest.output?.map((item) => item.type))];
export const string = (name: string, valueString: string): Parameter => ({ name, valueString });
