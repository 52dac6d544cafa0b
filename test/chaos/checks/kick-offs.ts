import type { Evidence } from './evidence.ts';

/** One kick-off has an effect, or a warning says why there may be more jobs. */
export function checkKickOffs({ run, report, injected }: Evidence): string[] {
  const warned = report.warnings.some(({ code }) => code === 'PossibleOrphanJob');
  const unknown = run.starts.filter(({ failure }) => failure?.code === 'KickOffUnknown').length;
  const { jobs } = run.hospital;
  const problems: string[] = [];
  // Each KickOffUnknown stands for two kick-offs of another path.
  const most = 1 + (warned ? 1 : 0) + 2 * unknown;
  if (jobs.length > most) problems.push(`${jobs.length} jobs were started, at most ${most} are explained`);
  if (warned && injected.length === 0) problems.push('PossibleOrphanJob without a fault');
  const other = report.warnings.filter(({ code }) => code === 'JobRestarted');
  return [...problems, ...other.map(({ message }) => `no job was gone, and yet: ${message}`)];
}
