/** Scope syntax: `.read` of SMART 1, `.rs` of SMART 2. */
export type ScopeSyntax = 'v1' | 'v2';

/** What a server's SMART configuration says that matters for scopes. */
export interface ScopeSupport {
  capabilities: readonly string[];
  scopesSupported: readonly string[];
}

/**
 * The syntax to ask in: what the server declares, else what its examples look like, else SMART 2.
 * Source: SMART App Launch 2.2, `permission-v1` and `permission-v2`.
 */
export function chooseSyntax({ capabilities, scopesSupported }: ScopeSupport): ScopeSyntax {
  if (capabilities.includes('permission-v2')) return 'v2';
  if (capabilities.includes('permission-v1')) return 'v1';
  const looks = (pattern: RegExp): boolean => scopesSupported.some((scope) => pattern.test(scope));
  return looks(/^system\/.*\.read$/) && !looks(/^system\/.*\.c?r?u?d?s/) ? 'v1' : 'v2';
}

/**
 * The least scopes for an export: the requested types (all, when none is named), and Group for a group export, which
 * servers may refuse without it.
 */
export function deriveScopes(
  request: { level: 'system' | 'patient' | 'group'; types: readonly string[]; attachments: boolean },
  syntax: ScopeSyntax,
): string {
  const suffix = syntax === 'v1' ? 'read' : 'rs';
  const types = new Set(request.types.length === 0 ? ['*'] : request.types);
  if (!types.has('*')) {
    if (request.level === 'group') types.add('Group');
    // Attachments are served as Binary, which needs a scope of its own (Oracle Health).
    if (request.attachments) types.add('Binary');
  }
  return [...types].map((type) => `system/${type}.${suffix}`).join(' ');
}

/** Types that were asked for and not granted; `*` stands for all. Nothing when the server did not say. */
export function missingTypes(asked: string, granted: string | undefined): string[] {
  if (granted === undefined || granted.trim() === '') return [];
  const grants = readable(granted);
  return [...readable(asked)].filter((type) => !grants.has(type) && !grants.has('*'));
}

/** Types that a scope text allows to be read. */
function readable(scope: string): Set<string> {
  return new Set(
    scope.split(/\s+/).flatMap((one) => {
      const match = /^system\/(\*|[A-Za-z]+)\.(read|\*|c?ru?d?s?)(?:\?.*)?$/.exec(one);
      return match?.[1] === undefined ? [] : [match[1]];
    }),
  );
}
