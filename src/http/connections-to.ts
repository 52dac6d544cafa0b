import type { Socket } from 'node:net';
import { Pool, buildConnector } from 'undici';
import { passEndsOnLate } from './late-ends.ts';
import { readInPieces } from './read-in-pieces.ts';

/** Connections to one origin, whatever they lead through: an agent's `factory`. */
export function connectionsTo(origin: string | URL, options: Pool.Options): Pool {
  const connect = typeof options.connect === 'function' ? options.connect : buildConnector(options.connect);
  return new Pool(origin, {
    ...options,
    connect: (target, callback) => {
      connect(target, (...[error, socket]) => {
        if (error !== null) callback(error, null);
        else callback(null, prepared(socket));
      });
    },
  });
}

/** Before undici's parser reads from it. */
function prepared(socket: Socket): Socket {
  readInPieces(socket);
  passEndsOnLate(socket);
  return socket;
}
