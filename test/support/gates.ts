import type { Client } from '@temporalio/client';
import { ask } from '../../src/client/ask.ts';
import type { GateReport } from '../../src/gate-contract.ts';
import { SLOTS, gateId } from '../../src/gate-contract.ts';

/** What the gate of a server knows. */
export function slotsOf(client: Client, server: string): Promise<GateReport> {
  return ask<GateReport>(client.workflow.getHandle(gateId(server)), SLOTS);
}
