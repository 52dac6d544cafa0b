import type { Route } from '../journal.ts';
import type { KickOffTarget } from '../endpoints/kick-off.ts';

/** What a path means. */
export type Match = { route: Route; target?: KickOffTarget; id?: string; read?: 'group' };

/** Redirects lead to addresses with this in front, where the request is served. */
export const redirectedPrefix = '/redirected';

/** Finds the route. `$export` has to be literal: `%24export` is another path for many servers. */
export function match(method: string, path: string, basePath: string): Match {
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
      return { route: 'other', read: 'group' };
  }
  const [, type, id = '', rest] = /^\/(Group|Binary)\/([A-Za-z0-9.-]{1,64})(\/\$export)?$/.exec(inBase) ?? [];
  if (type === 'Group' && rest !== undefined) return { route: 'kickOff', target: { level: 'group', groupId: id } };
  if (type === 'Group') return { route: 'other', read: 'group', id };
  if (type === 'Binary' && rest === undefined) return { route: 'binary', id };
  return { route: 'other' };
}
