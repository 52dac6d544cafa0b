import { jsonAnswer, type Answer } from '../http/answer.ts';

/** Error codes of RFC 6749, 5.2. */
export type TokenErrorCode =
  'invalid_request' | 'invalid_client' | 'unsupported_grant_type' | 'unauthorized_client' | 'invalid_scope';

/** RFC 6749, 5.1: answers of the token endpoint are not for caches. */
export const noStore = { 'cache-control': 'no-store', pragma: 'no-cache' };

/** A token request is refused. */
export class TokenError extends Error {
  readonly code: TokenErrorCode;
  readonly status: number;

  /** `status` is 400, or 401 for clients that came with HTTP Basic (RFC 6749, 5.2). */
  constructor(code: TokenErrorCode, description: string, status = 400) {
    super(description);
    this.code = code;
    this.status = status;
  }

  answer(): Answer {
    const challenge = this.status === 401 ? { 'www-authenticate': 'Basic realm="token"' } : {};
    return jsonAnswer(
      this.status,
      { error: this.code, error_description: this.message },
      { ...noStore, ...challenge, ...(this.status === 405 && { allow: 'POST' }) },
    );
  }
}

/** Refuses with `invalid_client` unless the condition holds. */
export function clientCheck(condition: boolean, description: string): asserts condition {
  if (!condition) throw new TokenError('invalid_client', description);
}
