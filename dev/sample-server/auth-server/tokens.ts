import { randomBytes } from 'node:crypto';

/** What an access token stands for. */
export type Token = {
  clientId: string;
  scopes: readonly string[];
  /** By the server's clock, milliseconds since 1970. */
  expiresAt: number;
};

/** The access tokens: opaque random text, known to this server only. */
export class TokenStore {
  readonly #tokens = new Map<string, Token>();

  issue(token: Token): string {
    const value = randomBytes(48).toString('base64url');
    this.#tokens.set(value, token);
    return value;
  }

  /** Expired tokens are found, too, so that refusals can say why. */
  find(value: string): Token | undefined {
    return this.#tokens.get(value);
  }

  revokeAll(): void {
    this.#tokens.clear();
  }
}
