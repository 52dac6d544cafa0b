import { patched } from '@temporalio/workflow';
import { continueIfLong, isLong } from './continue-as-new.ts';
import type { ExportRun } from './export-run.ts';
import { leaveOutQueue, waitWithoutSlot } from './refused-kick-off.ts';
import { wait } from './wait.ts';

/**
 * Waits for a slot of the server, where there is a gate and the export has none. An operator's `pollNow` asks again. While
 * the export is paused it is not in the queue, so that no slot is given to it; it has its place again afterwards.
 */
export async function queuePhase(run: ExportRun): Promise<void> {
  const { slots, state, steering } = run;
  // It may have waited in the run before, and the slot come since.
  if (!slots.isNeeded) return leaveOutQueue(run, false);
  await waitWithoutSlot(run);
  leaveOutQueue(run, true);
  slots.ask();
  // Before the answer, which may not come: the gate cannot be asked, or no worker takes its tasks.
  run.enter('queued');
  while (slots.isNeeded) {
    const { isHeld } = steering;
    if (isHeld && patched('paused-exports-leave-the-queue')) {
      slots.standBack();
      await run.hold();
      slots.ask();
      continue;
    }
    const { place, trouble } = state.gate ?? {};
    const isNews = (): boolean =>
      !slots.isNeeded ||
      slots.failure !== undefined ||
      state.gate?.place !== place ||
      state.gate?.trouble !== trouble ||
      state.pollRequested === true ||
      steering.isHeld !== isHeld ||
      isLong();
    await wait({ unless: isNews });
    if (!slots.isNeeded) break;
    if (slots.failure !== undefined) throw slots.failure;
    if (state.pollRequested === true) slots.ask();
    delete state.pollRequested;
    run.enter('queued');
    await continueIfLong(run);
  }
  leaveOutQueue(run, false);
}
