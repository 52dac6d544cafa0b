import type { Leave } from '../policy/gate/messages.ts';
import type { ActivityDeps } from './deps.ts';

export interface LeaveGateInput {
  server: string;
  leave: Leave;
}

/** Tells the server's gate that an export is over. A gate that does not run has nothing to release. */
export async function leaveGate(deps: ActivityDeps, { server, leave }: LeaveGateInput): Promise<void> {
  await deps.gates.leave(server, leave);
}
