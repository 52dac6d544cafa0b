import type { ExportRun, Injected, Start } from '../export-run.ts';
import { faultsOf } from '../export-run.ts';

/** Every run ends complete; what failed before that has its reason in a fault that leaves no other way. */
export function checkOutcome(run: ExportRun, injected: readonly Injected[]): string[] {
  const faults = faultsOf(run, injected);
  return run.starts.flatMap((start) => {
    const why = start.failure === undefined ? undefined : unexplained(start, run, faults);
    return why === undefined ? [] : [why];
  });
}

function unexplained({ failure, workflowId }: Start, run: ExportRun, faults: readonly Injected[]): string | undefined {
  const { code = '', message = '' } = failure ?? {};
  const detail = `${workflowId} ended with ${code}: ${message}`;
  if (code === 'DestinationFailed') {
    const full = faults.some(({ kind }) => kind === 'diskFull') && run.destination.name === 'small';
    return full && /ENOSPC|EFBIG/.test(message) ? undefined : detail;
  }
  if (code === 'KickOffUnknown') {
    const sent = run.hospital.requests.filter(({ route }) => route === 'kickOff').length;
    return faults.length > 0 && sent > 0 ? undefined : detail;
  }
  return detail;
}
