import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { SLOWEST, SlowBodyError } from '../../src/http/body-speed.ts';
import { TIMEOUT, failureOf, get, serve, trust, useLocalServers } from './local-servers.ts';

useLocalServers();

/** A server that sends as many bytes at once, then pieces of a length, in milliseconds one after another. */
function trickling(first: number, length: number, every: number, pieces = Infinity): Promise<string> {
  return serve((_request, response) => {
    response.write('x'.repeat(first));
    let left = pieces;
    const timer = setInterval(() => (left-- > 0 ? response.write('y'.repeat(length)) : response.end()), every);
    response.on('close', () => clearInterval(timer));
  });
}

async function received(origin: string, slowly?: () => Promise<void>): Promise<number> {
  let bytes = 0;
  await (
    await get(origin)
  ).body.receive((chunk) => {
    bytes += chunk.length;
    return slowly?.();
  });
  return bytes;
}

describe('a body of which next to nothing comes', () => {
  test.each([
    ['from its beginning', 0],
    ['behind a beginning at full speed', 1024 * 1024],
  ])('%s is as good as silent, however often something comes', async (_, first) => {
    const origin = await trickling(first, 1, 100);
    const startedAt = performance.now();
    const failure = await failureOf(received(origin));
    expect(failure).toBeInstanceOf(SlowBodyError);
    expect(failure.message).toBe(`${new URL(origin).host}: less than 16 bytes a second came for 0 s`);
    // The window of the beginning, and one of the trickle.
    expect(performance.now() - startedAt).toBeLessThan(2 * TIMEOUT + 1000);
  });

  test('is judged over the time that its server may be silent', async () => {
    const origin = await trickling(1, 1, 100);
    const startedAt = performance.now();
    const rules = { ...trust(), stall: 3 * TIMEOUT };
    await failureOf((await get(origin, rules)).body.receive(() => undefined));
    expect(performance.now() - startedAt).toBeGreaterThan(3 * TIMEOUT - 50);
  });

  test('is whole when its end comes in time, or with the byte that comes too late', async () => {
    expect(await received(await trickling(10, 1, 20, 5))).toBe(15);
    const late = await serve((_request, response) => {
      response.write('x');
      setTimeout(() => response.write('y'), TIMEOUT * 0.7);
      setTimeout(() => response.end('z'), TIMEOUT * 1.4);
    });
    expect(await received(late)).toBe(3);
  });
});

describe('a body that is slow', () => {
  test('and not that slow comes whole', async () => {
    const bytes = Math.ceil((SLOWEST * 4) / 50);
    expect(await received(await trickling(0, bytes, 20, 60))).toBe(60 * bytes);
  });

  test('because its receiver is comes whole', async () => {
    const length = 100_000;
    const origin = await serve((_request, response) => response.end('x'.repeat(length)));
    expect(await received(origin, () => sleep(1.5 * TIMEOUT))).toBe(length);
    // Nothing is to be had of it while it is held, and hardly anything between.
    const slow = await trickling(0, 30, 20, 20);
    expect(await received(slow, () => sleep(50))).toBe(600);
  });
});
