import { tidy } from '../fhir/quote.ts';

/**
 * Alerts by which a server ends the handshake: with TLS 1.3 they come when the client has begun to send, as does the
 * one that it wants a certificate. What was sent is not read then.
 */
const NO_HANDSHAKE = /^ERR_SSL_\S*ALERT_(HANDSHAKE_FAILURE|PROTOCOL_VERSION|UNKNOWN_CA|(\w+_)?CERTIFICATE(_\w+)?)$/;

/** The network failed: no answer, or only a part of one. Trying again may help. */
export class NetworkError extends Error {
  override readonly name = 'NetworkError';
  /** False when the server cannot have seen the request, or has only redirected it; true when it may have taken it up. */
  readonly maybeSent: boolean;

  constructor(message: string, maybeSent: boolean, options?: ErrorOptions) {
    super(message, options);
    this.maybeSent = maybeSent;
  }
}

/**
 * Turns what `undici` or one of its streams threw into an error that says what happened, without URLs.
 *
 * @param begun whether a connection stood, TLS included, over which the request began to be sent
 */
export function toNetworkError(error: unknown, host: string, begun: boolean): NetworkError {
  if (error instanceof NetworkError) return error;
  const cause = deepestCause(error);
  const { code: given } = cause as { code?: unknown };
  // The code of a DOMException is a number that says nothing.
  const code = typeof given === 'string' ? given : '';
  const detail =
    code === '' ? tidy(cause.message, 200) : `${code}${cause.message === '' ? '' : ` ${tidy(cause.message, 200)}`}`;
  return new NetworkError(`${host}: ${detail}`, begun && !NO_HANDSHAKE.test(code), { cause: error });
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
