import type { Metric, Registry } from 'prom-client';

interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** How many values are in each bucket. The last one has no upper bound. */
  readonly counts: number[];
  sum: number;
}

interface Value {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

export interface LatencyHistogramOptions {
  readonly name: string;
  readonly help: string;
  /** The names of the three labels. */
  readonly labelNames: readonly [string, string, string];
  /** The upper bounds of the buckets in seconds, in ascending order. */
  readonly buckets: readonly number[];
}

/**
 * A histogram with three labels, for what happens in every request. The one of prom-client validates and joins the labels of each
 * value, which takes 1 µs. This one takes less than 0.1 µs. A registry of prom-client accepts it.
 */
export class LatencyHistogram {
  readonly name: string;
  readonly help: string;
  readonly #labelNames: readonly [string, string, string];
  readonly #buckets: readonly number[];
  readonly #series: Series[] = [];
  /** The series by their labels. To find one in three maps is faster than to join the labels to a key. */
  readonly #byLabels = new Map<string, Map<string, Map<string | number, Series>>>();

  constructor({ name, help, labelNames, buckets }: LatencyHistogramOptions) {
    this.name = name;
    this.help = help;
    this.#labelNames = labelNames;
    this.#buckets = buckets;
  }

  /** Adds a value. The labels must come from small sets: each combination is kept until the process ends. */
  observe(seconds: number, first: string, second: string, third: string | number): void {
    const series = this.#byLabels.get(first)?.get(second)?.get(third) ?? this.add(first, second, third);
    let bucket = 0;
    while (seconds > (this.#buckets[bucket] as number)) {
      bucket++;
    }
    (series.counts[bucket] as number)++;
    series.sum += seconds;
  }

  /** The values in the form that a registry of prom-client expects of a metric. */
  async get() {
    const values = this.#series.flatMap((series) => this.#valuesOf(series));
    return { name: this.name, help: this.help, type: 'histogram', values };
  }

  /** Adds a series without values, so that its first increase shows. */
  add(first: string, second: string, third: string | number): Series {
    const [one, two, three] = this.#labelNames;
    const labels = { [one]: first, [two]: second, [three]: String(third) };
    const series = { labels, counts: new Array(this.#buckets.length + 1).fill(0), sum: 0 };
    const ofFirst = getOrAdd(this.#byLabels, first, () => new Map());
    getOrAdd(ofFirst, second, () => new Map()).set(third, series);
    this.#series.push(series);
    return series;
  }

  #valuesOf({ labels, counts, sum }: Series): Value[] {
    let count = 0;
    const buckets = [...this.#buckets, '+Inf'].map((le, index) => {
      count += counts[index] as number;
      return { metricName: `${this.name}_bucket`, labels: { le, ...labels }, value: count };
    });
    return [
      ...buckets,
      { metricName: `${this.name}_sum`, labels, value: sum },
      { metricName: `${this.name}_count`, labels, value: count },
    ];
  }
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  const value = map.get(key) ?? create();
  map.set(key, value);
  return value;
}

/** The type of prom-client describes its own classes. Its registry uses the name and `get` only. */
export function register(registry: Registry, histogram: LatencyHistogram): void {
  registry.registerMetric(histogram as unknown as Metric);
}
