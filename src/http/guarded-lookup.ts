import dns from 'node:dns';
import type { LookupFunction } from 'node:net';
import { faultOfAddress } from './check-url.ts';
import { RefusedUrlError } from './refused-url.ts';

/**
 * Looks names up for connections, and refuses those that lead to an address that must not be asked: all addresses of a
 * name are checked, because the connection may use any of them. This is the look-up of the connection itself, so that a
 * name cannot change between check and use.
 *
 * @param loopback whether addresses of this machine may be asked
 */
export function guardedLookup(loopback: boolean): LookupFunction {
  return (hostname, options, callback) => {
    dns.lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, '', 0);
      const fault = addresses.map(({ address }) => faultOfAddress(address, loopback)).find((one) => one !== undefined);
      if (fault !== undefined) return callback(new RefusedUrlError(hostname, fault), '', 0);
      const [first] = addresses;
      if (options.all === true) callback(null, addresses);
      else callback(null, first?.address ?? '', first?.family ?? 0);
    });
  };
}
