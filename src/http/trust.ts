import type { RequestRules } from './rules.ts';

/** What one address may receive beside the plain request. */
export interface Trust {
  /** The configuration names the origin: it receives the configured headers and sees the client certificate. */
  isTrusted: boolean;
  /** It receives the header `Authorization`. */
  getsToken: boolean;
  /** Addresses of this machine may be behind it. */
  loopback: boolean;
}

/**
 * Decides what an address receives. The token goes to a trusted origin only, and not along a redirect to another origin,
 * even a trusted one.
 *
 * @param firstOrigin of the request before redirects
 */
export function trustIn(url: URL, firstOrigin: string, rules: RequestRules): Trust {
  const isTrusted = rules.trustedOrigins.has(url.origin);
  return {
    isTrusted,
    getsToken: isTrusted && url.origin === firstOrigin,
    loopback: rules.loopback === true || rules.configuredHosts?.has(url.hostname) === true,
  };
}

/** Whether a request body, which may name patients, may go along a redirect: to trusted origins only. */
export function mayRepeatBody(next: string, { trustedOrigins }: RequestRules): boolean {
  return trustedOrigins.has(new URL(next).origin);
}
