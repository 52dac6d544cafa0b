import { tidy } from '../fhir/quote.ts';

/** Errors after which nothing of the request can have reached the server. */
const NOT_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'EHOSTDOWN',
  'ENETDOWN',
  'UND_ERR_CONNECT_TIMEOUT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_GET_ISSUER_CERT',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
]);

/** Handshakes that fail; each version of OpenSSL has its own prefixes. */
const NO_HANDSHAKE = /^ERR_SSL_\S*(WRONG_VERSION_NUMBER|HANDSHAKE_FAILURE|PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL)$/;

/** The network failed: no answer, or only a part of one. Trying again may help. */
export class NetworkError extends Error {
  override readonly name = 'NetworkError';
  /** False when the server cannot have seen the request; true when it may have. */
  readonly maybeSent: boolean;

  constructor(message: string, maybeSent: boolean, options?: ErrorOptions) {
    super(message, options);
    this.maybeSent = maybeSent;
  }
}

/** Turns what `undici` or one of its streams threw into an error that says what happened, without URLs. */
export function toNetworkError(error: unknown, host: string): NetworkError {
  if (error instanceof NetworkError) return error;
  const cause = deepestCause(error);
  const { code: given } = cause as { code?: unknown };
  // The code of a DOMException is a number that says nothing.
  const code = typeof given === 'string' ? given : '';
  const detail =
    code === '' ? tidy(cause.message, 200) : `${code}${cause.message === '' ? '' : ` ${tidy(cause.message, 200)}`}`;
  return new NetworkError(`${host}: ${detail}`, !NOT_SENT.has(code) && !NO_HANDSHAKE.test(code), { cause: error });
}

/** An error in a word: a code of the system, of TLS or of undici, else its name. Never what it says. */
export function errorType(error: unknown): string {
  const { code, name } = deepestCause(error) as NodeJS.ErrnoException;
  return [code, name].find((text) => typeof text === 'string' && /^\w[\w.-]{0,60}$/.test(text)) ?? 'Error';
}

function deepestCause(error: unknown): Error {
  let current = error instanceof Error ? error : new Error(String(error));
  while (current instanceof AggregateError ? current.errors[0] instanceof Error : current.cause instanceof Error) {
    current = (current instanceof AggregateError ? current.errors[0] : current.cause) as Error;
  }
  return current;
}
