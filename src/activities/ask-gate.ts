import type { ExportRequest } from '../contract.ts';
import type { Ask } from '../policy/gate/messages.ts';
import { resolveSettings } from '../profiles/resolve.ts';
import type { ServerSettings } from '../profiles/settings.ts';
import type { ActivityDeps } from './deps.ts';

export interface AskGateInput {
  server: string;
  request: Pick<ExportRequest, 'groupId'>;
  /** All that the export itself knows. */
  ask: Omit<Ask, 'pool' | 'limits'>;
}

/** `noGate`: the server has no limits (any more). */
export type AskGateResult = { kind: 'asked' } | { kind: 'noGate' };

/**
 * Tells the server's gate what an export needs, and starts the gate if it does not run. The answer comes as a signal.
 *
 * @throws ExportError `UnknownServer`
 */
export async function askGate(
  deps: ActivityDeps,
  { server: name, request, ask }: AskGateInput,
): Promise<AskGateResult> {
  // The configuration alone: neither a certificate nor a key is needed.
  const settings = resolveSettings(deps.servers.configOf(name));
  if (!hasGate(settings)) return { kind: 'noGate' };
  const { maxConcurrentExports: exports, maxDownloadsInAll: downloads } = settings;
  await deps.gates.ask(name, { ...ask, pool: poolOf(request, settings), limits: { exports, downloads } });
  return { kind: 'asked' };
}

/** Whether there is anything to share. */
export function hasGate({ maxConcurrentExports, maxDownloadsInAll }: ServerSettings): boolean {
  return maxConcurrentExports !== undefined || maxDownloadsInAll !== undefined;
}

/** Empty where all exports share the slots. */
function poolOf({ groupId }: Pick<ExportRequest, 'groupId'>, { exportsLimitedPer }: ServerSettings): string {
  return exportsLimitedPer === 'group' && groupId !== undefined ? `Group/${groupId}` : '';
}
