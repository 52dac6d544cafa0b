/** The URL that a server gave must not be asked; final. */
export class RefusedUrlError extends Error {
  override readonly name = 'RefusedUrlError';

  constructor(host: string, fault: string) {
    super(`the server named an address at ${host} that is not asked: ${fault}`);
  }
}
