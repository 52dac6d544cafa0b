import * as v from 'valibot';
import { Text } from '../config/fields.ts';

const Name = v.pipe(Text, v.regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'is no header name'));

/** Name of a header that requests carry besides those of the worker. */
export const HeaderName = v.pipe(
  Name,
  // It would be written into the YAML text, and sent with files that must not get it.
  v.check((name) => !/^(proxy-)?authorization$/i.test(name), 'is not set here; use auth'),
);

/** What HTTP or the export itself says in a header: a client id there would break the request. */
const MEANT_OTHERWISE =
  /^(accept|cache-control|connection|content|cookie|expect|host|if-|keep-alive|prefer|proxy-|range|te$|trailer|transfer-|upgrade|user-agent)/i;

/** Name of the header for the client id. */
export const ClientIdHeader = v.pipe(
  HeaderName,
  v.check((name) => !MEANT_OTHERWISE.test(name), 'has a meaning of its own in HTTP'),
);

/** What logs must not have: credentials, and addresses that may be signed. */
const SECRET = /auth|cookie|credential|location|secret|signature|token|^(link|refresh)$/i;

/** Name of a header whose value is logged; in lower case. */
export const IdHeader = v.pipe(
  Name,
  v.check((name) => !SECRET.test(name), 'could hold a secret, and would be logged'),
  v.toLowerCase(),
);
