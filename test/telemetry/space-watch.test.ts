import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { afterEach, expect, test, vi } from 'vitest';
import { watchSpace } from '../../src/telemetry/space-watch.ts';
import { startAnswering } from '../support/answering-server.ts';
import { freeAddress } from '../support/listen.ts';

afterEach(() => vi.unstubAllEnvs());

test('of a bucket it is said whether it can be used, and no free space', async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', randomBytes(20).toString('base64url'));
  vi.stubEnv('AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED', 'true');
  // There is no manifest at its root, which is well.
  const storage = await startAnswering(({ method }) => ({
    status: method === 'HEAD' ? 404 : 200,
    headers: { 'content-type': 'application/xml' },
    body: '<ListBucketResult><KeyCount>0</KeyCount></ListBucketResult>',
  }));
  const bucket = (endpoint: string) => ({ type: 's3', bucket: 'lake', endpoint }) as const;
  const usable: Record<string, boolean> = {};
  const free: Record<string, number> = {};
  const watch = watchSpace(
    {
      destinations: {
        lake: bucket(storage.origin),
        away: bucket(`http://${await freeAddress()}`),
        local: { type: 'directory', path: tmpdir() },
      },
      audit: { destination: bucket(`http://${await freeAddress()}`) },
    },
    {
      usable: (name, isUsable) => void (usable[name] = isUsable),
      freeSpace: (name, bytes) => void (free[name] = bytes),
    },
  );
  try {
    await vi.waitFor(
      () => expect(usable).toEqual({ lake: true, away: false, local: true, 'audit.destination': false }),
      { timeout: 30_000 },
    );
    expect(free).toEqual({ local: expect.any(Number) });
  } finally {
    watch.end();
    await storage.close();
  }
}, 40_000);
