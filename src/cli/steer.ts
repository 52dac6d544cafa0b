import type { StartedExport } from '../client.ts';
import type { Steered } from '../steering-contract.ts';
import { commandLine } from './arguments.ts';
import { exitWith } from './exit-codes.ts';
import { atMost } from './view/readable.ts';

/** Milliseconds within which a worker that has just answered takes an update. */
const PATIENCE = 30_000;

/**
 * Sends an update to an export that runs, and prints the answer.
 *
 * @param steer sends it
 * @throws Error when the export has ended, nobody runs it, or it refuses
 */
export async function steer(
  workflowId: string,
  json: boolean | undefined,
  steer: (started: StartedExport) => Promise<Steered>,
): Promise<void> {
  const { withTemporal } = await import('./temporal.ts');
  const { getExport } = await import('../client.ts');
  const { isOpen } = await import('../process/is-running.ts');
  const { answerOf, knownExport } = await import('./one-export.ts');
  const { hintOf } = await import('./export/show.ts');
  await withTemporal(async (temporal) => {
    const known = await knownExport(temporal, workflowId);
    if (!isOpen(known.description))
      throw new Error(`${workflowId} has ended: "${commandLine(['status', workflowId])}" says how.`);
    // An update would wait for a worker, and then come as a surprise.
    const look = await answerOf(temporal, workflowId);
    if (look.kind === 'silent') throw new Error(hintOf(known));
    // Nor could its worker read what is encrypted with other keys.
    if (look.kind === 'unreadable') throw new Error(look.why);
    const { client } = temporal;
    const steered = await client.withDeadline(Date.now() + PATIENCE, () => steer(getExport(client, workflowId)));
    process.stdout.write(`${json === true ? JSON.stringify(steered) : describeSteered(workflowId, steered)}\n`);
  });
  exitWith(0);
}

/** How an export stands after an update, for people. */
export function describeSteered(workflowId: string, { phase, paused, concurrency, deadline }: Steered): string {
  const parts = [
    phase,
    ...(paused === undefined ? [] : [`paused: ${paused.what}`]),
    ...(concurrency === undefined ? [] : [atMost(concurrency)]),
    `deadline ${deadline}`,
  ];
  return `${workflowId}: ${parts.join(' · ')}`;
}
