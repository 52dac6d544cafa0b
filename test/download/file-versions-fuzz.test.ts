import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { seededRandom } from '../support/random.ts';
import { attemptFile, publishedAt } from '../support/fetch-attempt.ts';
import { LINES, version, LINE, etagOf, root, http, asked, serve, useVersionServer } from './version-server.ts';
import type { Handler } from './version-server.ts';

useVersionServer();

test('whatever the server does, what is published is one version', { timeout: 120_000 }, async () => {
  const random = seededRandom(11);
  const chance = (probability: number): boolean => random() < probability;
  const versions = ['a', 'b', 'c'].flatMap((name) => [version(name), version(name, LINES - 50)]);
  const pick = (): Buffer => versions[Math.floor(random() * versions.length)] as Buffer;
  let content = pick();
  let calm = false;
  /** Truthful about the validator of what it sends, and about nothing else. */
  const handle: Handler = (request, response) => {
    if (!calm && chance(0.4)) content = pick();
    const etag = etagOf(content);
    const shown = calm ? etag : chance(0.7) ? etag : chance(0.5) ? `W/${etag}` : undefined;
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const { 'if-range': ifRange } = request.headers;
    const holds = ifRange === etag || (!calm && chance(0.5));
    const headers: Record<string, string | number> = shown === undefined ? {} : { etag: shown };
    let status = 200;
    let [first, last] = [0, content.length - 1];
    if (from > 0 && from < content.length && holds && (calm || chance(0.9))) {
      status = 206;
      first = from;
      if (!calm && chance(0.3)) first = Math.max(0, from + LINE * (chance(0.5) ? 1 : -1));
      if (!calm && chance(0.3)) last = Math.min(last, first + LINE * Math.ceil(random() * 100) - 1);
      const total = calm || chance(0.6) ? content.length : chance(0.5) ? '*' : last + 1;
      headers['content-range'] = `bytes ${first}-${last}/${total}`;
      if (!calm && chance(0.1)) status = 200;
    } else if (from >= content.length && holds && chance(0.7)) {
      return void response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
    }
    const body = content.subarray(first, last + 1);
    // Cut at the end of a line, which no check of lines would see.
    const cut = calm || chance(0.3) ? undefined : LINE * Math.floor((random() * body.length) / LINE);
    const sized = calm || chance(0.6);
    if (sized) headers['content-length'] = body.length;
    if (cut === undefined) return void response.writeHead(status, headers).end(body);
    if (status === 200) headers['content-length'] = body.length;
    response.writeHead(status, headers);
    if (status === 206 && !sized && chance(0.5)) return void response.end(body.subarray(0, cut));
    return void response.write(body.subarray(0, cut), () => setTimeout(() => response.destroy(), 2));
  };
  const url = await serve(handle);
  const cases = 150;
  let joined = 0;
  for (let round = 0; round < cases; round++) {
    const place = join(root, String(round));
    calm = false;
    let attempts = 0;
    for (;;) {
      calm = attempts >= 12;
      const before = asked.length;
      const outcome = await attemptFile({ http, root: place, url });
      // Once for the rest, and once for all of it.
      expect(asked.length - before).toBeLessThanOrEqual(2);
      expect(++attempts).toBeLessThan(16);
      if (!('sha256' in outcome)) continue;
      const published = await readFile(publishedAt(place));
      expect(versions.some((one) => one.equals(published))).toBe(true);
      if (asked.length - before === 1 && asked.at(-1)?.range !== undefined) joined++;
      break;
    }
  }
  // Joining has not been given up altogether.
  expect(joined).toBeGreaterThan(cases / 10);
});
