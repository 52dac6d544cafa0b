/** Code of gRPC for what is not there. */
const NOT_FOUND = 5;

/**
 * That Temporal has no such namespace, for people; undefined: the error says something else, such as that these
 * credentials may not ask.
 *
 * @param error what `describeNamespace` has thrown
 */
export function namespaceFault(error: unknown, namespace: string): string | undefined {
  if ((error as { code?: unknown }).code !== NOT_FOUND) return undefined;
  const fix = 'check TEMPORAL_NAMESPACE, or create it (temporal operator namespace create)';
  return `it has no namespace ${JSON.stringify(namespace)}; ${fix}`;
}
