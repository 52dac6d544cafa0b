import { isIP } from 'node:net';

/** Hosts that also lead to this machine: the unspecified address, IPv4 within IPv6, and names. */
const OTHER_NAMES_OF_LOOPBACK = /^(0\.0\.0\.0|::|(::|::ffff:|::ffff:0:|64:ff9b::)7f[0-9a-f]{2}:.*|(.*\.)?localhost)$/;

/** Whether a URL's host is this machine itself. */
export function isLoopback(url: URL): boolean {
  return url.hostname === 'localhost' || url.hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(url.hostname);
}

/**
 * Says why a URL that a server gave must not be asked, or nothing when it may: `https:` only (`http:` on loopback), no
 * user information, no link-local or cloud metadata address, so that a server cannot send the worker into its own
 * network's secrets.
 *
 * @param loopback whether addresses of this machine may be asked: only where the FHIR server itself is one
 */
export function faultOfServerUrl(url: URL, loopback: boolean): string | undefined {
  if (url.username !== '' || url.password !== '') return 'it contains user information';
  const host = url.hostname.replace(/^\[|\]$|\.$/g, '').toLowerCase();
  if (isIP(host) === 4 && host.startsWith('169.254.')) return 'it is a link-local address';
  if (
    isIP(host) === 6 &&
    (/^fe[89ab]/.test(host) || /^(::|::ffff:|::ffff:0:|64:ff9b::)a9fe:/.test(host) || host === 'fd00:ec2::254')
  ) {
    return 'it is a link-local or metadata address';
  }
  if (host === 'metadata' || host === 'metadata.google.internal') return 'it is a cloud metadata address';
  if (!loopback && (isLoopback(url) || OTHER_NAMES_OF_LOOPBACK.test(host))) return 'it is an address of this machine';
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url))) return undefined;
  return `it is ${url.protocol} and must be https:`;
}
