import { continueIfLong, isLong } from './continue-as-new.ts';
import type { ExportRun } from './export-run.ts';
import { wait } from './wait.ts';

/** Waits for a slot of the server, where there is a gate and the export has none. An operator's `pollNow` asks again. */
export async function queuePhase(run: ExportRun): Promise<void> {
  const { slots, state } = run;
  if (!slots.isNeeded) return;
  slots.ask();
  // Before the answer, which may not come: the gate cannot be asked, or no worker takes its tasks.
  run.enter('queued');
  while (slots.isNeeded) {
    const { place, trouble } = state.gate ?? {};
    const isNews = (): boolean =>
      !slots.isNeeded ||
      slots.failure !== undefined ||
      state.gate?.place !== place ||
      state.gate?.trouble !== trouble ||
      state.pollRequested === true ||
      isLong();
    await wait({ unless: isNews });
    if (!slots.isNeeded) return;
    if (slots.failure !== undefined) throw slots.failure;
    if (state.pollRequested === true) slots.ask();
    delete state.pollRequested;
    run.enter('queued');
    await continueIfLong(run);
  }
}
