import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer } from './answer.ts';
import {
  chunksOf,
  corrupted,
  gzipped,
  gzippedInMembers,
  lengthOf,
  throttled,
  withoutEnd,
  type Chunks,
} from './body.ts';
import { faultOf, type Fault } from '../faults.ts';
import type { JournalEntry } from '../journal.ts';

/** Writes an answer to the network, with the faults that affect the writing, and completes the journal entry. */
export async function send(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  faults: Fault[],
  entry: JournalEntry,
  bytesPerSecond: number | undefined,
): Promise<void> {
  const broken = faultOf(faults, 'breakBody');
  const cut = faultOf(faults, 'truncate');
  const stalled = faultOf(faults, 'stall');
  const limit = (broken ?? cut ?? stalled)?.afterBytes ?? Infinity;

  response.statusCode = answer.status;
  entry.status = answer.status;
  if (!answer.gzip) response.setHeader('content-length', lengthOf(answer.body));
  for (const [name, value] of Object.entries(answer.headers)) response.setHeader(name, value);
  if (broken?.contentLength === false || cut !== undefined) response.removeHeader('content-length');
  if (cut?.how === 'contentLength') response.setHeader('content-length', cut.afterBytes);
  if (cut?.how === 'close') {
    response.shouldKeepAlive = false;
    // Without it Node falls back to the end of the connection as the end of the body.
    response.removeHeader('transfer-encoding');
  }

  let sent = 0;
  if (request.method !== 'HEAD') {
    let body = encoded(answer, faults);
    if (answer.throttled && bytesPerSecond !== undefined) body = throttled(body, request.socket, bytesPerSecond);
    for await (const chunk of body) {
      const piece = chunk.subarray(0, limit - sent);
      if (piece.length > 0 && !(await write(response, piece))) return;
      sent += piece.length;
      entry.bytesSent = sent;
      if (sent >= limit) break;
    }
  }
  if (broken !== undefined || stalled !== undefined) {
    response.flushHeaders();
    if (broken !== undefined) setImmediate(() => request.socket.destroy());
    return;
  }
  await new Promise<void>((resolve) => {
    response.once('close', resolve);
    response.end(() => {
      entry.finished = true;
      resolve();
    });
  });
}

function encoded(answer: Answer, faults: Fault[]): Chunks {
  const plain = chunksOf(answer.body);
  if (!answer.gzip) return plain;
  let body = faultOf(faults, 'gzipMembers') === undefined ? gzipped(plain) : gzippedInMembers(plain);
  const corrupt = faultOf(faults, 'corruptGzip');
  if (corrupt !== undefined) body = corrupted(body, corrupt.atByte ?? 200);
  const shortened = faultOf(faults, 'cutGzip');
  return shortened === undefined ? body : withoutEnd(body, shortened.bytes ?? 12);
}

/** Resolves to false when the client has closed the connection. */
function write(response: ServerResponse, piece: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    const gone = () => resolve(false);
    response.once('close', gone);
    response.write(piece, (error) => {
      response.off('close', gone);
      resolve(!error);
    });
  });
}
