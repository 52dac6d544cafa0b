import type { RequestRules } from './rules.ts';

/** What one address may receive beside the plain request. */
export interface Trust {
  /** The configuration names the origin, and no other has led there: it receives the headers and the client certificate. */
  isTrusted: boolean;
  /** It receives the header `Authorization`. */
  getsToken: boolean;
  /** Addresses of this machine may be behind it. */
  loopback: boolean;
}

/** Where a request has been before it reaches an address. */
export interface Way {
  /** Of its first address. */
  firstOrigin: string;
  /** Every address so far was at a trusted origin. */
  isTrusted: boolean;
}

/**
 * Decides what an address receives. The token goes to a trusted origin only, and not along a redirect to another origin,
 * even a trusted one. Nothing that only trusted origins receive goes where another origin has redirected to: it could
 * choose what is asked with it.
 */
export function trustIn(url: URL, way: Way, rules: RequestRules): Trust {
  const isTrusted = way.isTrusted && rules.trustedOrigins.has(url.origin);
  return {
    isTrusted,
    getsToken: isTrusted && url.origin === way.firstOrigin,
    loopback: rules.loopback === true || rules.configuredHosts?.has(url.hostname) === true,
  };
}

/** Whether a request body, which may name patients, may go along a redirect: to trusted origins only. */
export function mayRepeatBody(next: string, { trustedOrigins }: RequestRules): boolean {
  return trustedOrigins.has(new URL(next).origin);
}
