import type { Config } from '../../config.ts';
import type { CheckRow } from '../../contract.ts';
import { quote } from '../../policy/short-texts.ts';
import { resolveSettings } from '../../profiles/resolve.ts';
import type { ServerConfig } from '../server-schema.ts';

/**
 * Warns of other entries for the same server, where it has a limit: each entry has a gate of its own, which knows only its
 * own exports (docs/slots.md). Pure.
 *
 * @param name of the entry that is checked
 */
export function checkOtherEntries({ servers }: Pick<Config, 'servers'>, name: string): CheckRow[] {
  const own = servers[name];
  if (own === undefined) return [];
  return Object.entries(servers).flatMap(([other, config]): CheckRow[] => {
    if (other === name || !isSameServer(own, config)) return [];
    const limits = sharedLimits(own, config);
    if (limits.length === 0) return [];
    return [
      {
        item: 'other entries',
        result: 'warning',
        detail: `${quote(other)} is the same server, and ${limits.join(' and ')} of each entry counts only its own exports`,
        fix: 'Use one entry, or divide the limit between them (docs/slots.md#the-gate).',
      },
    ];
  });
}

function isSameServer(own: ServerConfig, other: ServerConfig): boolean {
  return new URL(own.baseUrl).href === new URL(other.baseUrl).href;
}

/** Limits of the server that both entries use up: its slots are for each client, or for each group of one. */
function sharedLimits(own: ServerConfig, other: ServerConfig): string[] {
  const [ours, theirs] = [resolveSettings(own), resolveSettings(other)];
  const isLimited = (limit: 'maxConcurrentExports' | 'maxDownloadsInAll'): boolean =>
    ours[limit] !== undefined || theirs[limit] !== undefined;
  const isApart =
    ours.exportsLimitedPer === 'group' && theirs.exportsLimitedPer === 'group' && haveOtherGroups(own, other);
  const slots = isLimited('maxConcurrentExports') && clientOf(own) === clientOf(other) && !isApart;
  return [...(slots ? ['maxConcurrentExports'] : []), ...(isLimited('maxDownloadsInAll') ? ['maxDownloadsInAll'] : [])];
}

function haveOtherGroups({ allow: own }: ServerConfig, { allow: other }: ServerConfig): boolean {
  return own?.groups?.some((group) => other?.groups?.includes(group) !== false) === false;
}

function clientOf({ auth }: ServerConfig): string | undefined {
  return 'clientId' in auth ? auth.clientId : undefined;
}
