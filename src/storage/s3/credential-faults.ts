const MINUTE = 60_000;
/** Milliseconds for which credentials that have worked are waited for, and others that a service is to give. */
const PATIENCE = { worked: 60 * MINUTE, never: 5 * MINUTE };
/** Milliseconds after which a fault has nothing to do with the one before. Waits between tries are shorter. */
const PAUSE = 15 * MINUTE;

/** How the SDK and S3 say that there are no credentials, or that they have ended. */
const NAMES = new Set(['CredentialsProviderError', 'ExpiredToken', 'ExpiredTokenException']);

/** Variables that name a service of credentials (AWS SDKs, credential providers): of a container, or of web identity. */
const SERVICES = [
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
];

/**
 * How long a worker has been without credentials. They mostly come from a service of the machine or the container, which
 * may be away for a moment, and are used on for as long as they last; those of the environment do not return by waiting.
 */
export class CredentialFaults {
  readonly #isFixed: boolean;
  readonly #isOfService: boolean;
  #hasWorked = false;
  #first = -Infinity;
  #latest = -Infinity;

  constructor(env: NodeJS.ProcessEnv = process.env) {
    this.#isFixed = Boolean(env['AWS_ACCESS_KEY_ID']) && !env['AWS_PROFILE'];
    this.#isOfService = SERVICES.some((name) => Boolean(env[name]));
  }

  /** S3 has accepted them. */
  end(): void {
    this.#hasWorked = true;
    this.#latest = -Infinity;
  }

  /**
   * Whether an error is about them, and may pass: it is noted.
   *
   * @param now milliseconds, of any clock that goes on
   */
  mayPass(error: unknown, now = performance.now()): boolean {
    if (this.#isFixed || !NAMES.has((error as Error).name)) return false;
    const patience = this.#hasWorked ? PATIENCE.worked : this.#isOfService ? PATIENCE.never : 0;
    if (now - this.#latest > PAUSE) this.#first = now;
    this.#latest = now;
    return now - this.#first < patience;
  }
}
