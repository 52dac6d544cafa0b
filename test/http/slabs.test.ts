import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { RequestListener, Server } from 'node:http';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, pipeline } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HttpClient } from '../../src/http/http-client.ts';
import { readInPieces } from '../../src/http/read-in-pieces.ts';
import type { RequestRules } from '../../src/http/rules.ts';
import { SLAB, readIntoSlabs, received, release } from '../../src/http/slabs.ts';
import { makeCertificates, readPems } from '../support/certificates.ts';

const MIB = 1024 * 1024;

/** A connection: asks for memory, fills some of it or all, and pushes it on; as a socket does. */
class Connection {
  readonly socket = new Readable({ read() {}, highWaterMark: SLAB });
  #memory = readIntoSlabs.buffer();

  constructor() {
    readInPieces(this.socket);
  }

  push(bytes = SLAB): void {
    const length = Math.min(bytes, this.#memory.length);
    this.#memory.fill(1, 0, length);
    readIntoSlabs.callback.call(this.socket, length, this.#memory);
    this.#memory = readIntoSlabs.buffer();
  }

  read(bytes = SLAB): Buffer {
    this.push(bytes);
    return this.socket.read() as Buffer;
  }

  /** Reads bytes of a body. */
  receive(bytes = SLAB): Buffer {
    const chunk = this.read(bytes);
    received(chunk);
    return chunk;
  }

  close(): void {
    this.socket.emit('close');
  }
}

/** Memory that the next reads would go to, of slabs that have been used before. */
function nextMemory(): Set<ArrayBufferLike> {
  return new Set(Array.from({ length: 20 }, () => readIntoSlabs.buffer().buffer));
}

describe('memory of reads', () => {
  test('is used again when all of a slab has been released, and not before', () => {
    const connection = new Connection();
    const [first, ...others] = [1000, 100_000, 100_000, SLAB].map((bytes) => connection.receive(bytes));
    expect(others.map(({ buffer }) => buffer === first?.buffer)).toEqual([true, true, true]);
    for (const chunk of others) release(chunk);
    expect(nextMemory()).not.toContain(first?.buffer);
    release(first as Buffer);
    expect(nextMemory()).toContain(first?.buffer);
  });

  test('with headers and lengths of chunks in it is used again when what follows them has been received', () => {
    const connection = new Connection();
    connection.read(200);
    const chunks = [connection.receive(300_000)];
    connection.read(10);
    chunks.push(connection.receive(SLAB - 300_210 - 100_000));
    // The beginning of headers, which a parser may still hold, and what is not of a body at all.
    connection.read(99_999);
    connection.read(500_000);
    for (const chunk of chunks) release(chunk);
    const { buffer } = chunks[0] as Buffer;
    expect(nextMemory()).not.toContain(buffer);
    const next = connection.receive(1000);
    expect(next.buffer).not.toBe(buffer);
    expect(nextMemory()).toContain(buffer);
  });

  test("that another connection has taken is not its former one's to give", () => {
    const connection = new Connection();
    const chunk = connection.receive();
    release(chunk);
    const others = Array.from({ length: 20 }, () => new Connection().receive(10));
    expect(others.map(({ buffer }) => buffer)).toContain(chunk.buffer);
    connection.receive(10);
    connection.close();
    expect(nextMemory()).not.toContain(chunk.buffer);
  });

  test('is used again when its connection has closed, but for what is not released', () => {
    const [held, gone] = [new Connection(), new Connection()];
    held.read(10);
    const chunk = held.receive(1000);
    const { buffer } = gone.read(1000);
    expect(nextMemory()).not.toContain(buffer);
    held.close();
    gone.close();
    const memory = nextMemory();
    expect(memory).toContain(buffer);
    expect(memory).not.toContain(chunk.buffer);
    release(chunk);
    expect(nextMemory()).toContain(chunk.buffer);
  });

  test('is given out as it was read, never copied into one piece', () => {
    const connection = new Connection();
    const { socket } = connection;
    for (const bytes of [100, 200, 300]) connection.push(bytes);
    const first = socket.read() as Buffer;
    expect(first.length).toBe(100);
    // As a parser does that is told to pause.
    socket.unshift(first.subarray(40));
    socket.unshift(first.subarray(first.length));
    connection.push(400);
    const rest: Buffer[] = [];
    for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null) {
      rest.push(chunk);
    }
    expect(rest.map(({ length }) => length)).toEqual([60, 200, 300, 400]);
    expect(rest.every(({ buffer }) => buffer === first.buffer)).toBe(true);
  });

  test('that is not a slab is left alone', () => {
    const chunk = Buffer.from('anything');
    expect(() => received(chunk)).not.toThrow();
    expect(() => release(chunk)).not.toThrow();
  });
});

/** Pieces of many lengths, none of which fits a slab. */
function* inPieces(body: Buffer): Generator<Buffer> {
  for (let at = 0, n = 1; at < body.length; n++) {
    const length = (n * 7919) % 150_000;
    yield body.subarray(at, at + length);
    at += length;
  }
}

describe.each([
  ['http', 'of known length'],
  ['http', 'in chunks'],
  ['https', 'of known length'],
  ['https', 'in chunks'],
])('eight answers at once over %s, %s', (scheme, way) => {
  let folder: string;
  let server: Server;
  let http: HttpClient;
  let rules: RequestRules;
  const bodies = Array.from({ length: 8 }, (_, file) => randomBytes(5 * MIB + file * 77_777));

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'slabs-'));
    const { ca, server: certificate } = makeCertificates(folder);
    const answer: RequestListener = ({ url }, response) => {
      const body = bodies[Number(url?.slice(1))] as Buffer;
      if (way === 'of known length') response.end(body);
      else pipeline(Readable.from(inPieces(body)), response, () => {});
    };
    server = scheme === 'https' ? createTlsServer(readPems(certificate), answer) : createServer(answer);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    http = new HttpClient();
    const connection = { ca: await readFile(ca, 'utf8'), key: 'test' };
    rules = { trustedOrigins: new Set(), trustedHeaders: {}, loopback: true, connection };
  });
  afterEach(async () => {
    await http.close();
    server.close();
    await rm(folder, { recursive: true, force: true });
  });

  test('keep their bytes until they are released, however late that is', async () => {
    const url = `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await Promise.all(
      bodies.map(async (body, file) => {
        const hash = createHash('sha256');
        const { body: answer } = await http.send({ method: 'GET', url: `${url}/${file}`, headers: {} }, rules);
        const held: Buffer[] = [];
        let copied = false;
        await answer.receive(async (chunk) => {
          held.push(chunk);
          copied ||= chunk.buffer.byteLength !== SLAB;
          // Others read meanwhile.
          await turn();
          // The older ones go, so that a slab is partly released when the next read comes.
          for (const one of held.splice(0, held.length - (file % 5))) {
            hash.update(one);
            release(one);
          }
        });
        for (const one of held) hash.update(one);
        expect(copied).toBe(false);
        expect(hash.digest('hex')).toBe(createHash('sha256').update(body).digest('hex'));
      }),
    );
  });
});
