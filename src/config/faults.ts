import * as v from 'valibot';

/** What does not fit the schema of the configuration. */
export type Issue = v.BaseIssue<unknown>;

/**
 * Checks a text's content and finds every fault. The schema library stops at the first unknown field of a mapping;
 * here each one is found, by leaving out those before it.
 *
 * @param content is changed: unknown fields are removed
 */
export function checkAll<Schema extends v.GenericSchema>(
  schema: Schema,
  content: unknown,
): { kind: 'valid'; output: v.InferOutput<Schema> } | { kind: 'faulty'; issues: Issue[] } {
  const unknown: Issue[] = [];
  for (;;) {
    const parsed = v.safeParse(schema, content);
    if (parsed.success) {
      return unknown.length === 0 ? { kind: 'valid', output: parsed.output } : { kind: 'faulty', issues: unknown };
    }
    const found = parsed.issues.filter(isUnknownField);
    if (found.length === 0) return { kind: 'faulty', issues: [...unknown, ...parsed.issues] };
    unknown.push(...found);
    for (const { path } of found) {
      const field = path?.at(-1) as { input: Record<string, unknown>; key: string };
      delete field.input[field.key];
    }
  }
}

/**
 * A fault in words, with its place.
 *
 * @param secrets names of fields that somebody may write a secret into
 */
export function describeIssue(issue: Issue, secrets: readonly string[]): string {
  return `${v.getDotPath(issue) ?? 'configuration'}: ${faultOf(issue, secrets)}`;
}

function faultOf(issue: Issue, secrets: readonly string[]): string {
  if (isUnknownField(issue)) {
    const name = String(issue.path?.at(-1)?.key);
    return secrets.includes(name)
      ? `secrets are not written here; use ${name}File or ${name}Env`
      : 'unknown field, remove it';
  }
  if (issue.type === 'strict_object' && issue.received === 'undefined') return 'is missing';
  return issue.received === 'undefined' && issue.kind === 'schema' ? `is missing, ${issue.message}` : issue.message;
}

function isUnknownField(issue: Issue): boolean {
  return issue.type === 'strict_object' && issue.expected === 'never';
}
