import type { Permission } from './options.ts';

// SMART App Launch 2.2, 3.0.2: letters in this order only; servers may reject others.
const syntax: Record<Permission, RegExp> = {
  'permission-v1': /^system\/(\*|[A-Z][A-Za-z]*)\.(read|write|\*)$/,
  'permission-v2': /^system\/(\*|[A-Z][A-Za-z]*)\.(?=[cruds])(c?r?u?d?s?)(\?\S+)?$/,
};
const lettersOf: Record<string, string> = { read: 'rs', write: 'cud', '*': 'cruds' };

/** Whether a scope is a `system/` scope in one of these ways of writing. */
export function isWellFormed(scope: string, permission: readonly Permission[]): boolean {
  return permission.some((one) => syntax[one].test(scope));
}

/** Whether scopes allow a type to be exported, that is read and searched. A Binary is only ever read. */
export function covers(scopes: readonly string[], type: string): boolean {
  let letters = '';
  for (const scope of scopes) {
    const [, of, rights = ''] = syntax['permission-v1'].exec(scope) ?? syntax['permission-v2'].exec(scope) ?? [];
    if (of === '*' || of === type) letters += lettersOf[rights] ?? rights;
  }
  return letters.includes('r') && (type === 'Binary' || letters.includes('s'));
}
