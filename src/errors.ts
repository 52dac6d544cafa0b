import type { FailureCode } from './contract.ts';

/**
 * A failure of the closed table. Final: trying again would not help. Its message must be fit for history: no secret,
 * no query of a URL, no content of a resource.
 */
export class ExportError extends Error {
  override readonly name = 'ExportError';
  readonly code: FailureCode;

  constructor(code: FailureCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
