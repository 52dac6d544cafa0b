/**
 * Codes of gRPC after which Temporal may answer later, because a frontend is there before its database is: CANCELLED,
 * UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, ABORTED, INTERNAL, UNAVAILABLE.
 */
const PASSING: ReadonlySet<unknown> = new Set([1, 2, 4, 8, 10, 13, 14]);

/**
 * Whether a call of Temporal may succeed later.
 *
 * @param error what a service of the connection has thrown
 */
export function isPassing(error: unknown): boolean {
  return PASSING.has((error as { code?: unknown }).code);
}
