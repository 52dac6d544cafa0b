import { BlockList, isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import type { SecretSource } from '../process/secret.ts';
import { isThisMachine } from './check-url.ts';

/** An HTTP proxy, and what goes through it. */
export interface ProxyRules {
  /** Without user information. */
  url: string;
  /** Header `Proxy-Authorization`. */
  authorization?: string | undefined;
  /** Where it is read again when it is refused. No function: rules are sent to other threads. */
  credentials?: SecretSource | undefined;
  /** Where it is set, to be named in errors. */
  setting: string;
  /** Hosts that are reached directly, as in `NO_PROXY`. Default: none, loopback neither. */
  bypass?: string | undefined;
}

/**
 * The proxy that `HTTPS_PROXY` names, with the exceptions of `NO_PROXY`; lower-case names win, as in other tools.
 * `HTTP_PROXY` means nothing: without TLS only loopback is asked, and never through a proxy of the environment.
 *
 * @throws Error when `HTTPS_PROXY` is no URL of a proxy; its value, which may hold a password, is not quoted
 */
export function environmentProxy(env: NodeJS.ProcessEnv): ProxyRules | undefined {
  const setting = env['https_proxy'] ? 'https_proxy' : 'HTTPS_PROXY';
  const text = env[setting]?.trim() ?? '';
  if (text === '') return undefined;
  const url = parse(text);
  if (url === undefined) throw new Error(`${setting} must be a URL such as http://proxy.example:3128`);
  const { username, password } = url;
  url.username = '';
  url.password = '';
  return {
    url: url.origin,
    ...(username === '' && password === '' ? {} : { authorization: basic(`${decode(username)}:${decode(password)}`) }),
    setting,
    bypass: env['no_proxy'] || env['NO_PROXY'] || '',
  };
}

/** The header for a user name and a password with a colon between them. */
export function basic(credentials: string): string {
  return `Basic ${Buffer.from(credentials).toString('base64')}`;
}

/** Whether requests to an address go through the proxy. */
export function leadsThrough({ bypass }: ProxyRules, url: URL): boolean {
  if (bypass === undefined) return true;
  if (isThisMachine(url)) return false;
  return !bypass.split(/[\s,]+/).some((entry) => entry !== '' && covers(entry.toLowerCase(), url));
}

/** `*`, a host with all below it (`.b.example`, `*.b.example` too), an address or a network; each may have a port. */
function covers(entry: string, url: URL): boolean {
  const host = url.hostname.replace(/^\[|\]$|\.$/g, '');
  const [, name = entry, port] = /^(\[.*\]|[^:]*):(\d+)$/.exec(entry) ?? [];
  if (port !== undefined && port !== (url.port || '443')) return false;
  if (name === '*') return true;
  const plain = name.replace(/^\[|\]$/g, '');
  const [network = '', bits] = plain.split('/');
  if (isIP(network) !== 0) return isIP(host) >= isIP(network) && isWithin(host, network, bits);
  const suffix = domainToASCII(plain.replace(/^\*?\.|\.$/g, ''));
  return suffix !== '' && (host === suffix || host.endsWith(`.${suffix}`));
}

function isWithin(address: string, network: string, bits: string | undefined): boolean {
  const most = isIP(network) === 6 ? 128 : 32;
  const prefix = bits === undefined ? most : Number(bits);
  if (!Number.isInteger(prefix) || prefix < 0 || prefix > most) return false;
  const list = new BlockList();
  list.addSubnet(network, prefix, most === 128 ? 'ipv6' : 'ipv4');
  // One of IPv4 may be written as one of IPv6 (`::ffff:10.0.0.1`).
  return list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

/**
 * Without a scheme it is `http:`, as in other tools. What ends the host too early is not accepted: a password with such a
 * character would become a port and a path, and be shown as the host that does not answer.
 */
function parse(text: string): URL | undefined {
  const full = text.includes('://') ? text : `http://${text}`;
  if (!/^[^:]+:\/\/[^/?#\\]*\/?$/.test(full) || !URL.canParse(full)) return undefined;
  const url = new URL(full);
  return /^https?:$/.test(url.protocol) && url.hostname !== '' ? url : undefined;
}

/** A "%" that stands for itself stays. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
