import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ServerConfig } from '../../src/config.ts';
import type { LinkServer, LinkServerOptions, LinkedFile } from '../support/link-server.ts';
import { startLinkServer } from '../support/link-server.ts';
import type { Stack } from '../support/stack.ts';
import { quiet, serverEntry, startStack } from '../support/stack.ts';

let stack: Stack;
let server: LinkServer | undefined;
let names = 0;

beforeAll(async () => {
  quiet();
  stack = await startStack({ servers: {}, workers: false });
});
afterAll(() => stack.close());
afterEach(async () => {
  await stack.stopWorkers();
  await server?.close();
});

async function serve(
  options: LinkServerOptions,
  more: Partial<ServerConfig> = {},
): Promise<{ server: LinkServer; name: string }> {
  server = await startLinkServer(options);
  const name = `linked-${++names}`;
  stack.config.servers[name] = serverEntry(server.origin, { maxConcurrentDownloads: 1, ...more });
  await stack.startWorkers();
  return { server, name };
}

/** What each file of the server is stored as; a file that is stored twice has two names. */
async function stored(location: string, { content }: LinkServer, files: LinkedFile[]): Promise<string[][]> {
  const names = (await readdir(location)).filter((name) => name.endsWith('.ndjson'));
  const contents = await Promise.all(names.map((name) => readFile(join(location, name), 'utf8')));
  return files.map(({ id }) => names.filter((_, place) => contents[place] === content(id)));
}

const patients = (lines: number[]): LinkedFile[] =>
  lines.map((count, place) => ({ id: `p${place}`, type: 'Patient', lines: count }));
const reverseAfterFirst: LinkServer['list'] = (files, readings) => (readings === 0 ? files : files.toReversed());

/** The links end when some files have been fetched. */
function endLinksAfter(server: LinkServer, files: number): void {
  let answered = 0;
  server.answer = () => {
    if (answered++ === files) server.endLinks();
    return answered === files + 1 ? { status: 403 } : undefined;
  };
}

describe('invariant 5: files are known by their place in the manifest, not by URL', () => {
  describe('a manifest that lists files of one type in another order when it is read again', () => {
    const equal = patients([3, 3, 3, 3, 3]);
    test.each(['path', 'segment', 'query'] as const)(
      'every file is stored once, by its URL: the id in the %s',
      async (shown) => {
        const { server, name } = await serve({ files: equal, shown });
        server.list = reverseAfterFirst;
        endLinksAfter(server, 2);
        const report = await stack.run({ server: name });
        expect(await stored(report.location, server, equal)).toEqual(
          equal.map((_, place) => [`Patient.0000${place + 1}.ndjson`]),
        );
        expect(server.readings).toHaveLength(2);
        expect(server.asked.filter(({ status }) => status === 200)).toHaveLength(equal.length);
      },
    );

    test('where every URL is new and the counts say that the order has changed: ExportExpired', async () => {
      const { server, name } = await serve({ files: patients([1, 2, 3, 4, 5]), shown: 'nowhere' });
      server.list = reverseAfterFirst;
      endLinksAfter(server, 2);
      expect(await stack.fail({ server: name, destination: { path: 'other-order' } })).toEqual({
        code: 'ExportExpired',
        message: expect.stringMatching(/2 of 5 files were fetched.*the count of a file is not what it was/),
      });
      expect(server.deleted).toBe(0);
      expect(await readdir(join(stack.folder, 'other-order'))).not.toContain('manifest.json');
      // The same request and path again: the job is asked once more, is of no use, and a fresh one is kicked off.
      server.list = (files) => files;
      server.root = () => ({ transactionTime: '2026-02-02T00:00:00Z' });
      const report = await stack.run({ server: name, destination: { path: 'other-order' } });
      expect(report.transactionTime).toBe('2026-02-02T00:00:00Z');
      expect((await stored(report.location, server, patients([1, 2, 3, 4, 5]))).flat()).toHaveLength(5);
    });

    test('where every URL is new and the order has stayed every file is stored once', async () => {
      const files = patients([1, 2, 3, 4, 5]);
      const { server, name } = await serve({ files, shown: 'nowhere' });
      endLinksAfter(server, 2);
      const report = await stack.run({ server: name });
      expect(await stored(report.location, server, files)).toEqual(
        files.map((_, place) => [`Patient.0000${place + 1}.ndjson`]),
      );
    });
  });

  test.each([
    ['', {}],
    [', also where it is the end of the job', { transactionTimeIsEnd: true }],
  ])('a manifest of another moment with the same files earns a warning, and holds the mark%s', async (_, more) => {
    const { server, name } = await serve({ files: patients([1, 2, 3]) }, more);
    server.root = (readings) => (readings === 0 ? {} : { transactionTime: '2026-03-01T00:00:00Z' });
    endLinksAfter(server, 1);
    const report = await stack.run({ server: name, incremental: {} });
    expect(report).toMatchObject({ transactionTime: '2026-01-01T00:00:00Z', mark: null });
    expect(report.warnings.map(({ code }) => code)).toEqual(['PagesDisagree', 'MarkHeld']);
  });

  test('a complete job has not failed, whatever is said when its manifest is read again', async () => {
    const files = patients([1, 2, 3]);
    const { server, name } = await serve({ files });
    const issue = [{ severity: 'error', code: 'processing', diagnostics: 'Could not open JPA EntityManager' }];
    const information = JSON.stringify({
      resourceType: 'OperationOutcome',
      issue: [{ severity: 'information', code: 'informational' }],
    });
    const answers = [
      undefined,
      { status: 500, body: JSON.stringify({ resourceType: 'OperationOutcome', issue }) },
      { status: 400, body: '<html>Bad Request</html>' },
      ...Array.from({ length: 6 }, () => ({ status: 200, body: information })),
    ];
    server.refuse = (asked) => answers[asked];
    endLinksAfter(server, 1);
    const report = await stack.run({ server: name });
    expect((await stored(report.location, server, files)).flat()).toHaveLength(3);
    expect(server.readings).toHaveLength(2);
  });

  test('a part of the files, of a job that was complete, is no other list: it is asked again', async () => {
    const files = patients([1, 2, 3]);
    const { server, name } = await serve({ files });
    const output = [{ type: 'Patient', url: `${server.origin}/files/p0`, count: 1 }];
    const transactionTime = '2026-01-01T00:00:00Z';
    const partial = { transactionTime, request: 'x', requiresAccessToken: false, error: [], output };
    server.refuse = (asked) => (asked === 1 ? { status: 202, body: JSON.stringify(partial) } : undefined);
    endLinksAfter(server, 1);
    const report = await stack.run({ server: name, parameters: { allowPartialManifests: true } });
    expect((await stored(report.location, server, files)).flat()).toHaveLength(3);
    expect(server.readings).toHaveLength(2);
  });

  test.each([
    [
      'a file more',
      (server: LinkServer) => (server.list = (files, readings) => (readings === 0 ? files.slice(1) : files)),
    ],
    ['a file less', (server: LinkServer) => (server.list = (files, readings) => files.slice(readings === 0 ? 0 : 1))],
    [
      'links and a transactionTime that are new, as of another job',
      (server: LinkServer) =>
        (server.root = (readings) => (readings === 0 ? {} : { transactionTime: '2026-01-02T00:00:00Z' })),
    ],
  ])('a manifest that has %s when it is read again: ExportExpired', async (_, change) => {
    const { server, name } = await serve({ files: patients([2, 2, 2, 2]), shown: 'nowhere' });
    change(server);
    endLinksAfter(server, 1);
    expect(await stack.fail({ server: name })).toMatchObject({
      code: 'ExportExpired',
      message: expect.stringMatching(/may be of other files/),
    });
  });
});
