/** Signature algorithms of SMART Backend Services; a client must support both. */
export type SigningAlgorithm = 'RS384' | 'ES384';

export const SIGNING_ALGORITHMS: readonly SigningAlgorithm[] = ['RS384', 'ES384'];

/** Something that can sign with one private key: a file here, and room for a KMS, an HSM or a vault. */
export interface Signer {
  readonly algorithm: SigningAlgorithm;
  /** `kid` of the key in the registered JWK Set. */
  readonly keyId: string;
  /** Signs a JWT: header and claims as given, and `alg` and `kid` of the key. */
  sign(header: Readonly<Record<string, string>>, claims: Readonly<Record<string, string | number>>): Promise<string>;
}
