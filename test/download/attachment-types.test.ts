import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HttpClient } from '../../src/http/http-client.ts';
import type { AnsweringServer } from '../support/answering-server.ts';
import { startAnswering } from '../support/answering-server.ts';
import { attemptFile } from '../support/fetch-attempt.ts';

const http = new HttpClient();
let server: AnsweringServer;
let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'attachment-types-'));
  server = await startAnswering(() => ({ headers: { 'content-type': 'text/plain' }, body: 'words' }));
});
afterAll(async () => {
  await http.close();
  await server.close();
  await rm(root, { recursive: true });
});

test.each([
  ['text/plain; charset=utf-8', 'text/plain; charset=utf-8, */*;q=0.1'],
  ['text/plain ;\tcharset=utf-8', 'text/plain ;\tcharset=utf-8, */*;q=0.1'],
  // A header of a mail, as it is there.
  ['text/plain;\r\n charset=utf-8', '*/*'],
  ['text/plain;\u2028charset=utf-8', '*/*'],
])('an attachment of the type %j is asked for, and comes', async (contentType, accept) => {
  server.asked.length = 0;
  const entry = { kind: 'attachment', type: undefined, contentType } as const;
  const file = await attemptFile({ http, root, url: `${server.origin}/1`, entry });
  expect(server.asked.map(({ headers }) => headers.accept)).toEqual([accept]);
  expect(file).toHaveProperty('bytes', 5);
});
