import type { MetricMeter } from '@temporalio/common';
import type { LabelsOf, Metric, MetricName, NamesOf } from './metric-table.ts';
import { METRICS, PREFIX } from './metric-table.ts';

/** Records the metrics of the table by a meter of the SDK; where nobody exports them, this costs nothing. */
export class Recorder {
  readonly #meter: MetricMeter;
  readonly #counters = new Map<MetricName, ReturnType<MetricMeter['createCounter']>>();
  readonly #gauges = new Map<MetricName, ReturnType<MetricMeter['createGauge']>>();
  readonly #histograms = new Map<MetricName, ReturnType<MetricMeter['createHistogram']>>();

  constructor(meter: MetricMeter) {
    this.#meter = meter;
  }

  /** @param amount default 1 */
  count<Name extends NamesOf<'counter'>>(name: Name, labels: LabelsOf<Name>, amount = 1): void {
    obtain(this.#counters, name, () => this.#meter.createCounter(PREFIX + name, undefined, helpOf(name))).add(
      amount,
      labels,
    );
  }

  set<Name extends NamesOf<'gauge'>>(name: Name, labels: LabelsOf<Name>, value: number): void {
    obtain(this.#gauges, name, () => this.#meter.createGauge(PREFIX + name, 'float', undefined, helpOf(name))).set(
      value,
      labels,
    );
  }

  observe<Name extends NamesOf<'histogram'>>(name: Name, labels: LabelsOf<Name>, seconds: number): void {
    obtain(this.#histograms, name, () =>
      this.#meter.createHistogram(PREFIX + name, 'float', undefined, helpOf(name)),
    ).record(seconds, labels);
  }
}

function obtain<T>(made: Map<MetricName, T>, name: MetricName, make: () => T): T {
  let one = made.get(name);
  if (one === undefined) made.set(name, (one = make()));
  return one;
}

function helpOf(name: MetricName): string {
  return (METRICS[name] satisfies Metric).help;
}
