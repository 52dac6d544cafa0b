import type { Route } from './journal.ts';

/** What a kick-off exports, from its path. */
export type KickOffTarget = { level: 'system' | 'patient' | 'group'; groupId?: string };

/** What a path means. */
export type Match =
  | { route: 'kickOff'; target: KickOffTarget }
  | { route: 'binary'; id: string }
  /** `Group/[id]`, or without `id` the search for groups. */
  | { route: 'other'; group?: { id: string | undefined } }
  | { route: Exclude<Route, 'kickOff' | 'binary' | 'other'> };

/** Redirects lead to addresses with this prefix, where the request is served. */
export const redirectedPrefix = '/redirected';

/** Finds the route. `$export` must be literal: `%24export` is another path for many servers. */
export function matchRoute(method: string, path: string, basePath: string): Match {
  if (path.startsWith('/files/')) return { route: 'file' };
  if (path === '/auth/token') return { route: 'token' };
  if (!path.startsWith(`${basePath}/`)) return { route: 'other' };
  const inBase = path.slice(basePath.length);
  switch (inBase) {
    case '/$export':
      return { route: 'kickOff', target: { level: 'system' } };
    case '/Patient/$export':
      return { route: 'kickOff', target: { level: 'patient' } };
    case '/export-status':
      return { route: method === 'DELETE' ? 'delete' : 'status' };
    case '/export-status/page':
      return { route: 'page' };
    case '/metadata':
      return { route: 'metadata' };
    case '/.well-known/smart-configuration':
      return { route: 'smartConfiguration' };
    case '/Group':
      return { route: 'other', group: { id: undefined } };
  }
  const [, type, id = '', rest] = /^\/(Group|Binary)\/([A-Za-z0-9.-]{1,64})(\/\$export)?$/.exec(inBase) ?? [];
  if (type === 'Group' && rest !== undefined) return { route: 'kickOff', target: { level: 'group', groupId: id } };
  if (type === 'Group') return { route: 'other', group: { id } };
  if (type === 'Binary' && rest === undefined) return { route: 'binary', id };
  return { route: 'other' };
}
