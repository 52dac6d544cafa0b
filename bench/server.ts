import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { blockOfLines } from './content.ts';

/**
 * Serves generated NDJSON from memory, as a process of its own: `/files/MIB/…` answers with so many blocks of
 * {@link blockOfLines}, `/small/…` with the first lines of one. Prints its origin when it listens.
 */
const block = blockOfLines();
const small = block.subarray(0, block.indexOf('\n', 31_000) + 1);
const packed = new Map<number, Buffer>();

function gzip(blocks: number): Buffer {
  const done = packed.get(blocks) ?? gzipSync(Buffer.concat(Array<Buffer>(blocks).fill(block)), { level: 1 });
  packed.set(blocks, done);
  return done;
}

function send(response: ServerResponse, blocks: number): void {
  for (let left = blocks; left > 0; left--) {
    if (response.destroyed) return;
    if (response.write(block)) continue;
    response.once('drain', () => send(response, left - 1));
    return;
  }
  response.end();
}

const server = createServer(({ url = '', headers }, response) => {
  const [, kind, mebibytes] = url.split('/');
  const blocks = Number(mebibytes);
  response.setHeader('content-type', 'application/fhir+ndjson');
  if (kind === 'small') response.end(small);
  else if (kind === 'gzip' && /gzip/.test(headers['accept-encoding'] ?? '')) {
    response.setHeader('content-encoding', 'gzip').end(gzip(blocks));
  } else {
    response.writeHead(200, { 'content-length': blocks * block.length, etag: `"${blocks}"` });
    send(response, blocks);
  }
});
server.listen(0, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.on('disconnect', () => process.exit());
