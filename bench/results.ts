import type { Case } from './cases.ts';
import type { Sides } from './rounds.ts';
import type { Measured } from './measured.ts';
import type { Moments } from './moments.ts';
import { GOALS } from './moments.ts';

/** What a run of the bench has measured; the form of its JSON. */
export interface Results {
  machine: string;
  rounds: number;
  cases: CaseResult[];
  /** Seconds, MiB or ratios, by name. */
  moments: Moments;
}

export interface CaseResult extends Pick<Case, 'name' | 'files' | 'bytes' | 'goal'> {
  sides: Sides;
}

/** Prints what each side has cost, and ours as a ratio to it. */
export function printCase({ name, goal, sides }: CaseResult): void {
  console.log(`\n${name}${describeGoal(goal)}`);
  const ours = sides['ours'];
  for (const [side, measured] of Object.entries(sides)) {
    const ratio =
      ours === undefined || side === 'ours' ? '' : `  ours ${(ours.seconds / measured.seconds).toFixed(2)} ×`;
    console.log(`  ${side.padEnd(12)} ${describe(measured)}${ratio}`);
  }
  const [download, curl] = [ours?.more?.['download'], sides['curl']?.seconds];
  if (download !== undefined && curl !== undefined) {
    console.log(`  download phase: ${download.toFixed(2)} s, ${(download / curl).toFixed(2)} × curl`);
  }
}

export function printMoments(moments: Moments): void {
  console.log('');
  for (const [name, figure] of Object.entries(moments)) {
    console.log(`${name.padEnd(26)} ${figure.toFixed(2).padStart(7)}  (goal: ${GOALS[name] ?? ''})`);
  }
}

function describe({ seconds, cpuSeconds, peakMiB, more }: Measured): string {
  return [
    `${seconds.toFixed(2).padStart(7)} s`,
    cpuSeconds === undefined ? '' : `${cpuSeconds.toFixed(2).padStart(7)} CPU s`,
    peakMiB === undefined ? '' : `${peakMiB.toFixed(0).padStart(5)} MiB`,
    more?.['events'] === undefined ? '' : `${more['events']} events`,
  ]
    .filter((part) => part !== '')
    .join('  ');
}

function describeGoal(goal: Case['goal']): string {
  const parts = Object.entries(goal).map(([name, ratio]) => `${name} ≤ ${ratio}`);
  return parts.length === 0 ? '' : ` (goal: ${parts.join(', ')})`;
}
