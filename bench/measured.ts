/** What one way of doing the work has cost in one round. */
export interface Measured {
  seconds: number;
  cpuSeconds?: number;
  peakMiB?: number;
  /** Further figures of a case, by name. */
  more?: Record<string, number>;
}

/** The middle of some numbers. */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  const [low = 0, high = 0] = [sorted[middle - 1], sorted[middle]];
  return sorted.length % 2 === 0 ? (low + high) / 2 : high;
}

/** The medians of all figures of some rounds. */
export function medians(rounds: readonly Measured[]): Measured {
  const of = (pick: (one: Measured) => number | undefined): number | undefined => {
    const all = rounds.map(pick).filter((one) => one !== undefined);
    return all.length === 0 ? undefined : median(all);
  };
  const [cpuSeconds, peakMiB] = [of((one) => one.cpuSeconds), of((one) => one.peakMiB)];
  const names = [...new Set(rounds.flatMap(({ more = {} }) => Object.keys(more)))];
  return {
    seconds: of(({ seconds }) => seconds) ?? 0,
    ...(cpuSeconds === undefined ? {} : { cpuSeconds }),
    ...(peakMiB === undefined ? {} : { peakMiB }),
    ...(names.length === 0
      ? {}
      : { more: Object.fromEntries(names.map((name) => [name, of(({ more }) => more?.[name]) ?? 0])) }),
  };
}
