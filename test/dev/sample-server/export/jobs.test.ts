import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Manifest } from '../../../../dev/sample-server/index.ts';
import { get, kickOff, manifestOf, poll, start } from '../server-under-test.ts';

describe('jobs', () => {
  test('DELETE ends a job and its files', async () => {
    const server = await start({ pollsUntilReady: 1 });
    const url = String((await kickOff(server, '$export?_type=Patient')).headers['content-location']);
    expect((await poll(url)).status).toBe(202);
    const file = (JSON.parse((await poll(url)).text) as Manifest).output?.[0]?.url ?? '';
    expect(server.jobs()[0]?.state).toBe('complete');
    expect((await get(url, {}, 'DELETE')).status).toBe(202);
    const gone = await poll(url);
    expect([gone.status, JSON.parse(gone.text)]).toEqual([
      404,
      expect.objectContaining({ resourceType: 'OperationOutcome' }),
    ]);
    expect((await get(file)).status).toBe(404);
    expect((await get(url, {}, 'DELETE')).status).toBe(404);
    expect(server.jobs()[0]).toMatchObject({ state: 'deleted', deleted: true, request: { types: ['Patient'] } });
  });

  test('jobs survive a restart of the server, and the server can go away for a while', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sample-server-test-'));
    const options = { dataFolder: join(folder, 'data'), stateFile: join(folder, 'state.json') };
    const first = await start(options);
    const url = (await manifestOf(first)).output?.[0]?.url ?? '';
    const { statusUrl } = first.jobs()[0] ?? { statusUrl: '' };
    await first.close();
    const second = await start({ ...options, port: Number(new URL(first.baseUrl).port) });
    expect((await poll(statusUrl)).status).toBe(200);
    expect((await get(url)).status).toBe(200);
    await second.goAway();
    await expect(poll(statusUrl)).rejects.toThrow();
    await second.comeBack();
    expect((await poll(statusUrl)).status).toBe(200);
    await second.close();
    await rm(folder, { recursive: true });
  });
});
