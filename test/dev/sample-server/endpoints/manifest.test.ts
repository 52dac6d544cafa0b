import { describe, expect, test } from 'vitest';
import type { FhirBulkVersion, Manifest } from '../../../../dev/sample-server/index.ts';
import { kickOff, manifestOf, poll, start, types } from '../server-under-test.ts';

describe('manifests', () => {
  const fields: Record<FhirBulkVersion, string[]> = {
    1: ['transactionTime', 'request', 'requiresAccessToken', 'output', 'error', 'extension'],
    2: ['transactionTime', 'request', 'requiresAccessToken', 'output', 'deleted', 'error', 'extension'],
    3: ['transactionTime', 'request', 'requiresAccessToken', 'output', 'deleted', 'error', 'extension'],
    4: [
      'manifestType',
      'transactionTime',
      'requiresAccessToken',
      'outputFormat',
      'output',
      'deleted',
      'outcome',
      'extension',
    ],
  };
  test.each([1, 2, 3, 4] as const)('version %i has its own shape', async (version) => {
    const messages = [{ severity: 'information' as const, code: 'informational', text: 'Hello' }];
    const server = await start({ version, messages });
    const since = '2019-06-01T00:00:00Z';
    const manifest =
      version === 4
        ? await manifestOf(server, '$export', { parameters: [{ name: '_since', valueInstant: since }] })
        : await manifestOf(server, `$export?_since=${since}`);
    expect(Object.keys(manifest)).toEqual(fields[version]);
    const itemFields = version === 4 ? ['type', 'url', 'count', 'fileSize'] : ['type', 'url', 'count'];
    expect(Object.keys(manifest.output?.[0] ?? {})).toEqual(itemFields);
    if (version === 4) expect(manifest.outcome?.[0]?.['countSeverity']).toEqual([{ code: 'information', count: 1 }]);
    else expect(manifest['request']).toBe(`${server.baseUrl}/$export?_since=${since}`);
    if (version === 2 || version === 3) expect(manifest.deleted?.[0]?.type).toBe('Bundle');
    if (version === 4) expect(manifest.deleted?.[0]).not.toHaveProperty('type');
    const empty = await manifestOf(server, 'Group/empty/$export', { method: version === 4 ? 'POST' : 'GET' });
    expect(types(empty)).toEqual(['Organization', 'Practitioner']);
  });

  test('pages of a complete export', async () => {
    const server = await start({ pageSize: 4 });
    let manifest = await manifestOf(server);
    const urls: string[] = [];
    for (let pages = 1; ; pages += 1) {
      urls.push(...(manifest.output ?? []).map((item) => item.url));
      const next = manifest.link?.[0];
      if (next === undefined) break;
      expect(next.relation).toBe('next');
      expect(pages).toBeLessThan(4);
      manifest = JSON.parse((await poll(next.url)).text) as Manifest;
    }
    expect(urls).toEqual(server.expectedFiles().map((file) => file.url));
  });

  test('partial manifests appear while the export runs', async () => {
    const server = await start({ pollsUntilReady: 4, pageSize: 4 });
    const started = await kickOff(server, '$export?allowPartialManifests=true');
    const url = String(started.headers['content-location']);
    const answers = [];
    for (let number = 1; number <= 5; number += 1) answers.push(await poll(url));
    const told = answers.map(({ status, text }) => {
      const manifest = text === '' ? undefined : (JSON.parse(text) as Manifest);
      return [status, manifest?.output?.length ?? 0, manifest?.link?.length ?? 0];
    });
    expect(told).toEqual([
      [202, 0, 0],
      [202, 0, 0],
      [202, 4, 0],
      [202, 4, 1],
      [200, 4, 1],
    ]);
  });

  test('separate export status', async () => {
    const server = await start({ pollsUntilReady: 1, retryAfter: '7', progress: (number) => `${number} of 2` });
    const started = await kickOff(server, '$export', { headers: { prefer: 'respond-async, separate-export-status' } });
    expect(started.headers['preference-applied']).toBe('respond-async, separate-export-status');
    const url = String(started.headers['content-location']);
    const first = await poll(url);
    expect([first.status, first.headers['x-export-status'], first.text]).toEqual([200, '202 Accepted', '']);
    expect([first.headers['retry-after'], first.headers['x-progress']]).toEqual(['7', '1 of 2']);
    expect((await poll(url)).headers['x-export-status']).toBe('200 OK');
  });
});
