import dns from 'node:dns';
import { isIP } from 'node:net';
import { faultOfAddress } from './check-url.ts';

/** Milliseconds that a request waits for its name: behind a proxy there may be no answer. */
const PATIENCE = 2000;
/** Milliseconds for which an answer holds. */
const HOLDS = 60_000;
/** Names that are remembered. */
const MOST_NAMES = 1000;

/**
 * Names that a proxy looks up. Those that can be looked up here, too, are checked before: what leads to an address that must
 * not be asked is probably the same from the proxy. No more than that: the proxy may find another address.
 */
export class ProxiedNames {
  readonly #known = new Map<string, { until: number; addresses: Promise<readonly string[]> }>();

  /**
   * Says why a name must not be asked, or nothing when it may, or cannot be looked up here.
   *
   * @param loopback whether addresses of this machine may be asked
   */
  async faultOf({ hostname }: URL, loopback: boolean): Promise<string | undefined> {
    // An address has been checked as it is.
    if (isIP(hostname.replace(/^\[|\]$/g, '')) !== 0) return undefined;
    const addresses = await within(PATIENCE, this.#addressesOf(hostname), []);
    return addresses.map((address) => faultOfAddress(address, loopback)).find((one) => one !== undefined);
  }

  #addressesOf(hostname: string): Promise<readonly string[]> {
    const known = this.#known.get(hostname);
    if (known !== undefined && known.until > performance.now()) return known.addresses;
    if (this.#known.size >= MOST_NAMES) this.#known.clear();
    const addresses = lookUp(hostname);
    this.#known.set(hostname, { until: performance.now() + HOLDS, addresses });
    return addresses;
  }
}

/** None when it cannot be looked up. */
function lookUp(hostname: string): Promise<readonly string[]> {
  return new Promise((resolve) => {
    dns.lookup(hostname, { all: true }, (error, found) =>
      resolve(error === null ? found.map(({ address }) => address) : []),
    );
  });
}

async function within<T>(milliseconds: number, promise: Promise<T>, otherwise: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<T>((resolve) => {
    timer = setTimeout(resolve, milliseconds, otherwise);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
