import { patched } from '@temporalio/workflow';
import type { ExportPhase } from '../contract.ts';
import type { CountsByType } from '../policy/type-counts.ts';
import type { PauseInput, Pausable, Paused } from '../steering-contract.ts';
import type { ExportState } from './state.ts';
import type { PausablePart, SteeringState } from './steering-state.ts';

const PARTS: Record<Pausable, readonly PausablePart[]> = {
  polls: ['polls'],
  downloads: ['downloads'],
  all: ['polls', 'downloads'],
};

/** How an operator steers the export. Updates only change it; the main loop acts on it. */
export class Steering {
  readonly #export: Pick<ExportState, 'phase' | 'steering'>;

  constructor(state: Pick<ExportState, 'phase' | 'steering'>) {
    this.#export = state;
  }

  get #state(): SteeringState {
    return (this.#export.steering ??= { paused: {}, pausedFor: { polls: 0, downloads: 0 } });
  }

  pause({ what = 'all', now = false }: PauseInput): void {
    const parts = PARTS[what];
    for (const part of parts) this.#state.paused[part] ??= Date.now();
    if (now && parts.includes('downloads')) this.#state.stopNow = true;
  }

  resume(): void {
    const state = this.#state;
    for (const part of PARTS.all) state.pausedFor[part] += Date.now() - (state.paused[part] ?? Date.now());
    state.paused = {};
    delete state.stopNow;
  }

  /** What is paused; undefined when nothing is. */
  get paused(): Paused | undefined {
    const { polls, downloads } = this.#export.steering?.paused ?? {};
    if (polls === undefined && downloads === undefined) return undefined;
    return {
      what: polls === undefined ? 'downloads' : downloads === undefined ? 'polls' : 'all',
      since: new Date(Math.min(polls ?? Infinity, downloads ?? Infinity)).toISOString(),
    };
  }

  isPaused(part: PausablePart): boolean {
    return this.#export.steering?.paused[part] !== undefined;
  }

  /** Whether the export may go no further in its phase. */
  get isHeld(): boolean {
    const part = partOf(this.#export.phase);
    return part !== undefined && this.isPaused(part);
  }

  /** Batches in flight are to be stopped. */
  get stopsNow(): boolean {
    return this.#export.steering?.stopNow === true;
  }

  /** They have been. */
  haveStopped(): void {
    delete this.#state.stopNow;
  }

  /** What an operator is to decide; undefined when nothing is. */
  get attention(): string | undefined {
    return this.#export.steering?.attention;
  }

  needs(attention: string): void {
    this.#state.attention = attention;
  }

  /** An operator has decided. */
  get isDecided(): boolean {
    return this.isRetryWanted || this.end !== undefined;
  }

  isAttendedTo(): void {
    delete this.#state.attention;
  }

  /** Files are to be fetched again. */
  get retry(): SteeringState['retry'] {
    return this.#export.steering?.retry;
  }

  get isRetryWanted(): boolean {
    return this.retry !== undefined;
  }

  /**
   * @param files ordinals; default: all that have failed
   * @param lost what those of them that have been complete, and are gone, were counted as
   */
  retryFiles(files?: readonly number[], lost: Record<number, CountsByType> = {}): void {
    const { retry } = this;
    // All are still wanted when some of them are named afterwards.
    const areAll = retry !== undefined && retry.files === undefined && files !== undefined;
    if (files === undefined || (areAll && patched('all-files-again-stay-all'))) this.#state.retry = {};
    else this.#state.retry = { files: [...(retry?.files ?? []), ...files], lost: { ...retry?.lost, ...lost } };
  }

  takeRetry(): void {
    delete this.#state.retry;
  }

  /** The export is to end with what there is. */
  get end(): SteeringState['end'] {
    return this.#export.steering?.end;
  }

  /** @param reason default: none, and no manifest of what there is */
  finish(reason?: string): void {
    this.#state.end = { reason };
  }

  /** Most downloads at a time. */
  get concurrency(): number {
    return this.#export.steering?.concurrency ?? Infinity;
  }

  set concurrency(most: number) {
    this.#state.concurrency = most;
  }

  /**
   * The time by which it is counted how long trouble has lasted: it stands still while what the phase does is paused, so
   * that nothing is given up for it.
   */
  get clock(): number {
    const part = partOf(this.#export.phase);
    const { steering } = this.#export;
    if (part === undefined || steering === undefined) return Date.now();
    return (steering.paused[part] ?? Date.now()) - steering.pausedFor[part];
  }
}

/** What a phase does, as far as it can be paused. */
function partOf(phase: ExportPhase): PausablePart | undefined {
  switch (phase) {
    case 'starting':
    case 'new-members':
    case 'queued':
    case 'kick-off':
    case 'waiting':
      return 'polls';
    case 'downloading':
      return 'downloads';
    default:
      return undefined;
  }
}
