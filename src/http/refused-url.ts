/** A server gave a URL that must not be asked. Trying again does not help. */
export class RefusedUrlError extends Error {
  override readonly name = 'RefusedUrlError';

  constructor(host: string, fault: string) {
    super(`the server named an address at ${host} that is not asked: ${fault}`);
  }
}
