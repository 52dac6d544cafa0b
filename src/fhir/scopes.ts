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

/**
 * Scopes to ask for, one after the other while a server knows none of them (`invalid_scope`): first all, then without
 * what is only added in case the server wants it, which others refuse (`Binary`: SMART reference server).
 */
export function scopeChoices(
  request: Parameters<typeof deriveScopes>[0],
  syntax: ScopeSyntax,
  { binaryScope = 'auto', groupScope = 'auto' }: ScopeHabits = {},
): string[] {
  const wanted = {
    ...request,
    attachments: request.attachments && binaryScope !== 'never',
    // Any level but Group's own asks for the types alone.
    level: groupScope === 'never' ? ('system' as const) : request.level,
  };
  const all = deriveScopes(wanted, syntax);
  const attachments = wanted.attachments && binaryScope === 'always';
  const withoutBinary = deriveScopes({ ...wanted, attachments }, syntax);
  const named = deriveScopes({ ...wanted, attachments, level: 'system' }, syntax);
  return [...new Set([all, withoutBinary, named])];
}

/** What is known of a server's scopes. */
export interface ScopeHabits {
  /** Default `auto`: asked for, and left out where the server does not know it. */
  binaryScope?: 'auto' | 'always' | 'never';
  groupScope?: 'auto' | 'never';
}

/**
 * Types that were asked for and not granted, or only in part; `*` stands for all. Nothing when the server did not say.
 */
export function missingTypes(asked: string, granted: string | undefined): string[] {
  if (granted === undefined || granted.trim() === '') return [];
  const grants = readable(granted);
  const isGranted = (one: Readable): boolean =>
    grants.some(({ type, query }) => (type === one.type || type === '*') && (query === '' || query === one.query));
  return [...new Set(readable(asked).flatMap((one) => (isGranted(one) ? [] : [one.type])))];
}

/**
 * Types of the request that a configured scope does not cover, `*` for all; it takes the place of what would be derived
 * and may be narrower. Nothing when there is a word in it whose meaning is not SMART's (`https://…/.default`).
 *
 * @param types requested; all, when none is named
 */
export function uncoveredTypes(configured: string, types: readonly string[]): string[] {
  const detail = configured.split(/\s+/).filter((word) => word !== '');
  if (detail.some((word) => !SMART_WORD.test(word))) return [];
  return missingTypes(deriveScopes({ level: 'system', types, attachments: false }, 'v2'), configured);
}

const SMART_WORD =
  /^(system\/(\*|[A-Za-z]+)\.[a-z*]+(\?\S*)?|openid|profile|fhirUser|launch(\/\S+)?|offline_access|online_access)$/;

/** A type that may be read, and what it is limited to (SMART 2); empty: to nothing. */
interface Readable {
  type: string;
  query: string;
}

/** What a scope text allows to be read. */
function readable(scope: string): Readable[] {
  return scope.split(/\s+/).flatMap((one) => {
    const [, type, , query = ''] = /^system\/(\*|[A-Za-z]+)\.(read|\*|c?ru?d?s?)(\?.*)?$/.exec(one) ?? [];
    return type === undefined ? [] : [{ type, query }];
  });
}
