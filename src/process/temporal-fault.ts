import { TransportError } from '@temporalio/worker';
import { tidy } from '../fhir/quote.ts';

/** What the SDK's core says of gRPC codes and of TLS (rustls), and what an operator looks at then. */
const PERMANENT: readonly (readonly [RegExp, string])[] = [
  [
    /valid authentication credentials|permission to execute/,
    'it refuses the credentials; check TEMPORAL_API_KEY, the client certificate and TEMPORAL_NAMESPACE',
  ],
  [
    /InvalidCertificate\(/,
    'its certificate is not trusted; check TEMPORAL_TLS_SERVER_CA_CERT_PATH, TEMPORAL_TLS_SERVER_NAME and the address',
  ],
  [
    // Of the alerts those about our certificate (RFC 8446, 6.2; RFC 5246, 7.2.2): during its handshake, and after it as
    // of TLS 1.3. Others are of a server or a load balancer that is not ready.
    /(alert: |AlertReceived\()(\w*Certificate\w*|UnknownCA|AccessDenied)|PrivateKeyParseError|InvalidClientCert/,
    'the client certificate is missing or not accepted; check TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH',
  ],
  [
    /InvalidMessage\(InvalidContentType\)/,
    'it does not speak TLS; check TEMPORAL_ADDRESS and TEMPORAL_TLS, which TEMPORAL_API_KEY turns on, too',
  ],
];
/** What an operator looks at when it may be reachable later. */
const PASSING: readonly (readonly [RegExp, string])[] = [
  [/dns error/, 'its name is not found; check TEMPORAL_ADDRESS'],
  [/ConnectionRefused/, 'nothing listens there; check TEMPORAL_ADDRESS'],
  [
    /h2 protocol error|ConnectionReset|UnexpectedEof|broken pipe|connection closed/i,
    'it ends the connection; check TEMPORAL_ADDRESS (the Web UI has a port of its own) and TEMPORAL_TLS',
  ],
];
const LONGEST = 500;

/**
 * Why no connection was made, with the variable to look at where that is known.
 *
 * @param error what `NativeConnection.connect` has thrown
 */
export function connectionFault(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const advice = PASSING.find(([detail]) => detail.test(message))?.[1];
  const why = passingFault(error);
  return permanentFault(error) ?? (advice === undefined ? why : `${advice} (${why})`);
}

/**
 * Why Temporal cannot be reached now, for people: of the SDK's debug text of an error (Rust) only what is quoted in it.
 *
 * @param error what `NativeConnection.connect` has thrown
 */
export function passingFault(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const quoted = [...message.matchAll(/"([^"\\]+)"/g)].map(([, text]) => text as string);
  const isDebugText = error instanceof TransportError && quoted.length > 0;
  return tidy(isDebugText ? [...new Set(quoted)].join(': ') : message, LONGEST);
}

/**
 * Why a connection to Temporal cannot be made however often it is tried; undefined when it may be made later: the
 * server is unreachable, not found, or busy.
 *
 * @param error what `NativeConnection.connect` has thrown, whose only content is its text
 */
export function permanentFault(error: unknown): string | undefined {
  const message = error instanceof Error ? error.message : String(error);
  // Anything else is about our own options, such as a malformed address.
  if (!(error instanceof TransportError)) return tidy(message, LONGEST);
  const found = PERMANENT.find(([detail]) => detail.test(message));
  return found === undefined ? undefined : `${found[1]} (${tidy(message, LONGEST)})`;
}
