import { BlockList, isIP } from 'node:net';

/** Where a cloud keeps the secrets of a machine, and what only its own network segment reaches. */
const LINK_LOCAL = blockList([
  ['169.254.0.0', 16],
  ['fe80::', 10],
  // Metadata of AWS and Google by IPv6, of Alibaba Cloud and Oracle Cloud, and Azure's WireServer.
  ['fd00:ec2::254', 128],
  ['fd20:ce::254', 128],
  ['100.100.100.200', 32],
  ['192.0.0.192', 32],
  ['168.63.129.16', 32],
]);
/** Addresses of this machine; the unspecified address leads here, too. */
const THIS_MACHINE = blockList([
  ['127.0.0.0', 8],
  ['0.0.0.0', 8],
  ['::1', 128],
]);

/** Subnets, those of IPv4 also as they are written within IPv6 (mapped by `net` itself; compatible, translated, NAT64). */
function blockList(subnets: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList();
  for (const [address, prefix] of subnets) {
    if (isIP(address) === 6) {
      list.addSubnet(address, prefix, 'ipv6');
      continue;
    }
    list.addSubnet(address, prefix, 'ipv4');
    for (const within of ['::', '::ffff:0:', '64:ff9b::']) list.addSubnet(`${within}${address}`, 96 + prefix, 'ipv6');
  }
  return list;
}

/** Whether a URL's host is this machine itself, by its spelling. */
export function isLoopback(url: URL): boolean {
  return url.hostname === 'localhost' || url.hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(url.hostname);
}

/** Whether a name leads to this machine, wherever it is looked up: also with the dot that ends a full name. */
export function isThisMachine(url: URL): boolean {
  return isLoopback(url) || /(^|\.)localhost\.?$/.test(url.hostname);
}

/**
 * Says why an IP address must not be asked, or nothing when it may. Private networks may: hospitals are there.
 *
 * @param loopback whether addresses of this machine may be asked
 */
export function faultOfAddress(address: string, loopback: boolean): string | undefined {
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  if (LINK_LOCAL.check(address, family)) return 'it is a link-local or cloud metadata address';
  if (!loopback && THIS_MACHINE.check(address, family)) return 'it is an address of this machine';
  return undefined;
}

/**
 * Says why a URL that a server gave must not be asked, or nothing when it may: `https:` only (`http:` on loopback), no
 * user information, no address that {@link faultOfAddress} names. Where a name leads shows when it is looked up.
 *
 * @param loopback whether addresses of this machine may be asked: only where the FHIR server itself is one
 */
export function faultOfServerUrl(url: URL, loopback: boolean): string | undefined {
  if (url.username !== '' || url.password !== '') return 'it contains user information';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const fault = isIP(host) === 0 ? undefined : faultOfAddress(host, loopback);
  if (fault !== undefined) return fault;
  // Whoever looks it up.
  if (!loopback && isThisMachine(url)) return 'it is an address of this machine';
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url))) return undefined;
  return `it is ${url.protocol} and must be https:`;
}
