import type { Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { readText } from '../../src/http/read-text.ts';
import type { HttpResponse } from '../../src/http/messages.ts';
import { NetworkError } from '../../src/http/network-error.ts';
import { TIMEOUT, servers, serve, trust, get, failureOf, useLocalServers } from './local-servers.ts';

useLocalServers();

describe('a body', () => {
  const MIB = 1024 * 1024;
  /** A server of one long body; how many connections it had, and how much of the body it has written. */
  async function long(bytes: number): Promise<{ origin: string; sockets: Set<Socket>; written: () => number }> {
    const content = Buffer.from(Array.from({ length: MIB / 8 }, (_, n) => String(n).padStart(8, '0')).join(''));
    let written = 0;
    const origin = await serve((_request, response) => {
      response.setHeader('content-length', bytes);
      const more = (left: number): void => {
        if (left <= 0) return void response.end();
        written += MIB;
        return response.write(content) ? more(left - MIB) : void response.once('drain', () => more(left - MIB));
      };
      more(bytes);
    });
    return { origin, sockets: servers.at(-1)!.sockets, written: () => written };
  }

  test('comes in order, one piece at a time, while promises hold it back', async () => {
    const { origin } = await long(8 * MIB);
    const response = await get(origin);
    const chunks: Buffer[] = [];
    let pending = 0;
    await response.body.receive((chunk) => {
      expect(pending).toBe(0);
      chunks.push(chunk);
      if (chunks.length % 3 === 0) return undefined;
      pending++;
      return setTimeout(chunks.length % 7 === 0 ? 1 : 0).then(() => void pending--);
    });
    const whole = Buffer.concat(chunks);
    expect(whole.length).toBe(8 * MIB);
    for (let at = 0; at < whole.length; at += MIB) {
      if (!whole.subarray(at, at + MIB).equals(whole.subarray(0, MIB))) throw new Error(`out of order after ${at}`);
    }
    expect(whole.toString('latin1', 8 * 1000, 8 * 1001)).toBe('00001000');
  });

  test('is not read on while nobody takes it, for longer than a server may be silent, and is whole then', async () => {
    const { origin, written } = await long(64 * MIB);
    const response = await get(origin);
    await setTimeout(2 * TIMEOUT);
    expect(written()).toBeLessThan(32 * MIB);
    let bytes = 0;
    await response.body.receive((chunk) => {
      bytes += chunk.length;
      return bytes === chunk.length ? setTimeout(2 * TIMEOUT) : undefined;
    });
    expect(bytes).toBe(64 * MIB);
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('full');
      },
    ],
    ['rejects', () => Promise.reject(new Error('full'))],
    [
      'fails as a connection does',
      () => Promise.reject(Object.assign(new Error('full'), { code: 'ECONNRESET', syscall: 'write' })),
    ],
  ])('whose taker %s fails with that, and its connection is closed', async (_, take) => {
    const { origin, sockets } = await long(64 * MIB);
    const response = await get(origin);
    await expect(response.body.receive(take)).rejects.toThrow('full');
    await expect.poll(() => [...sockets].every((socket) => socket.destroyed)).toBe(true);
  });

  test('that is aborted fails with the reason, also when it had come before it was asked for', async () => {
    const { origin, sockets } = await long(64 * MIB);
    const controller = new AbortController();
    const response = await get(origin, trust(), { signal: controller.signal });
    const reason = new Error('cancelled');
    controller.abort(reason);
    await expect(response.body.receive(() => undefined)).rejects.toBe(reason);
    await expect.poll(() => [...sockets].every((socket) => socket.destroyed)).toBe(true);
  });

  test('that is dumped keeps its connection when it is small, and closes it when it is not', async () => {
    const small = await serve((_request, response) => response.end('x'.repeat(100_000)));
    for (let count = 0; count < 3; count++) {
      await (await get(small)).body.dump();
      await setTimeout(10);
    }
    expect(servers.at(-1)!.sockets.size).toBe(1);
    const { origin, sockets } = await long(64 * MIB);
    await (await get(origin)).body.dump();
    await expect.poll(() => [...sockets].every((socket) => socket.destroyed)).toBe(true);
  });

  test('that trickles is dumped no longer than it is worth', async () => {
    const limits = shorten();
    await (await get(await trickling())).body.dump();
    expect(limits()).toEqual([5000]);
    expect(servers.at(-1)!.sockets.size).toBe(1);
    await expect.poll(() => [...servers.at(-1)!.sockets].every((socket) => socket.destroyed)).toBe(true);
  });
});

/** A server of a body that never ends, and is just fast enough. */
function trickling(): Promise<string> {
  return serve((_request, response) => {
    const timer = setInterval(() => response.write('x'.repeat(20)), 20);
    response.on('close', () => clearInterval(timer));
  });
}

/** Has limits of time end in a moment; says which there were. */
function shorten(): () => number[] {
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  const limits = vi.spyOn(AbortSignal, 'timeout').mockImplementation(() => timeout(500));
  return () => limits.mock.calls.map(([milliseconds]) => milliseconds);
}
afterEach(() => vi.restoreAllMocks());

describe('readText', () => {
  async function answer(body: string | Buffer, chunk = 7): Promise<HttpResponse> {
    const bytes = Buffer.from(body);
    const origin = await serve((_request, response) => {
      for (let start = 0; start < bytes.length; start += chunk) response.write(bytes.subarray(start, start + chunk));
      response.end();
    });
    return get(origin);
  }

  test('reads UTF-8, however it is cut', async () => {
    expect(await readText(await answer('aü€😀'.repeat(50), 1), 10_000)).toBe('aü€😀'.repeat(50));
    expect(await readText(await answer(''), 0)).toBe('');
  });

  test('reads as many bytes as are allowed, and no more', async () => {
    expect(await readText(await answer('x'.repeat(100)), 100)).toBe('x'.repeat(100));
    const failure = await failureOf(readText(await answer('x'.repeat(101)), 100));
    expect(failure).toBeInstanceOf(NetworkError);
    expect(failure.message).toBe('the answer is longer than 100 bytes');
  });

  test('cuts when it is told to, without reading on', async () => {
    expect(await readText(await answer('x'.repeat(200)), 100, { cut: true })).toBe('x'.repeat(100));
    expect(await readText(await answer('x'.repeat(100)), 100, { cut: true })).toBe('x'.repeat(100));
    const endless = await serve((_request, response) => {
      const timer = setInterval(() => response.write('x'.repeat(50)), 5);
      response.on('close', () => clearInterval(timer));
    });
    expect(await readText(await get(endless), 100, { cut: true })).toBe('x'.repeat(100));
  });

  test('cuts what trickles after a time, where there is one', async () => {
    const cutAfter = 500;
    expect(await readText(await get(await trickling()), 1000, { cut: true, cutAfter })).toMatch(/^x{40,900}$/);
  });

  test('takes no more time than it is given, where it is', async () => {
    const failure = await failureOf(readText(await get(await trickling()), 10_000, { cut: true, within: 500 }));
    expect(failure).toBeInstanceOf(NetworkError);
    expect(failure.message).toBe('the answer did not end within 0.5 s');
    expect(await readText(await answer('aü€'), 100, { within: 500 })).toBe('aü€');
  });
});
