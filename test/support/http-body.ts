import type { HttpBody } from '../../src/http/exchange.ts';

/** A body that comes from nowhere, and no faster than it is taken. */
export function bodyOf(chunks: Iterable<Buffer>): HttpBody {
  return {
    async receive(take) {
      for (const chunk of chunks) await take(chunk);
    },
    dump: async () => {},
    destroy: () => {},
  };
}
