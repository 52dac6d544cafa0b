import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { fetchFile } from '../../src/download/fetch-file.ts';
import type { Entry } from '../../src/fhir/entries.ts';
import type { HttpBody } from '../../src/http/http-body.ts';
import type { HttpClient } from '../../src/http/http-client.ts';
import type { RequestRules } from '../../src/http/rules.ts';
import type { Part } from '../../src/storage/folder.ts';

const NO_RULES: RequestRules = { trustedHeaders: {}, trustedOrigins: new Set(), loopback: true };

/** A body that comes from nowhere, and no faster than it is taken. */
function bodyOf(chunks: Iterable<Buffer>): HttpBody {
  return {
    async receive(take) {
      for (const chunk of chunks) await take(chunk);
    },
    dump: async () => {},
    destroy: () => {},
  };
}

describe('invariant 8: nothing grows without bound', () => {
  describe('a file is never held in memory: it is read from the wire no faster than it is stored', () => {
    const lines = Buffer.from(`{"resourceType":"Patient","id":"${'x'.repeat(65_488)}"}\n`);

    test.each([
      ['as it is', lines, undefined],
      ['as gzip', gzipSync(lines, { level: 0 }), 'gzip'],
    ])('%s', async (_, chunk, encoding) => {
      let [sent, stored, ahead] = [0, 0, 0];
      const body = bodyOf(
        (function* () {
          for (let count = 0; count < 640; count++) {
            sent += lines.length;
            yield chunk;
          }
        })(),
      );
      const headers = encoding === undefined ? {} : { 'content-encoding': encoding };
      const part: Part = {
        async write(chunks) {
          await new Promise((resolve) => setImmediate(resolve));
          ahead = Math.max(ahead, sent - stored);
          for (const { length } of chunks) stored += length;
        },
        resumed: undefined,
        checkpoint: async () => {},
        restart: async () => {},
        finish: async () => {},
        publish: async () => true,
        discard: async () => {},
        keep: async () => 0,
      };
      const url = 'https://a.example/1';
      const entry: Entry = {
        ordinal: 0,
        page: 1,
        kind: 'output',
        index: 0,
        type: 'Patient',
        url,
        name: 'Patient.00001.ndjson',
        needsToken: false,
        count: 640,
      };
      const fetched = await fetchFile(
        { rules: NO_RULES, entry },
        {
          http: { send: async () => ({ status: 200, headers, body, url }) } as unknown as HttpClient,
          part,
          signal: new AbortController().signal,
          onProgress: () => {},
          onRefusal: () => {},
        },
      );
      expect(fetched).toMatchObject({ kind: 'checked', file: { records: 640, bytes: 640 * lines.length } });
      expect(ahead).toBeLessThan(4 * 1024 * 1024);
    });
  });
});
