import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { BUCKETS_SECONDS, type DurationHistogram } from '../../model/delivery/duration-histogram.ts'

export interface Labels {
  readonly [label: string]: string
}

export type Labelled<T = number> = readonly (readonly [labels: Labels, value: T])[]

/** Metrics that take their values from elsewhere each time they are read: nothing is counted here. */
export class Instruments {
  readonly registry = new Registry()

  counter(name: string, help: string, labelNames: readonly string[], read: () => Labelled): void {
    new Counter({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.registry],
      collect() {
        this.reset()
        for (const [labels, value] of read()) this.inc(labels, value)
      },
    })
  }

  /** Without values it is left out. */
  gauge(name: string, help: string, labelNames: readonly string[], read: () => Labelled | Promise<Labelled>): void {
    new Gauge({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.registry],
      async collect() {
        const values = await read()
        this.reset()
        // Without labels a reset is a zero.
        if (values.length === 0 && labelNames.length === 0) this.remove()
        for (const [labels, value] of values) this.set(labels, value)
      },
    })
  }

  /** A gauge without labels; undefined leaves it out. */
  value(name: string, help: string, read: () => number | undefined | Promise<number | undefined>): void {
    this.gauge(name, help, [], async () => {
      const value = await read()
      return value === undefined ? [] : [[{}, value]]
    })
  }

  times(name: string, help: string, labelNames: readonly string[], read: () => Labelled<DurationHistogram>): void {
    this.registry.registerMetric(new CountedTimes(name, help, labelNames, read))
  }
}

/** A histogram that is counted elsewhere and read when scraped. */
class CountedTimes extends Histogram {
  readonly #shown: { readonly name: string; readonly help: string }
  readonly #read: () => Labelled<DurationHistogram>

  constructor(name: string, help: string, labelNames: readonly string[], read: () => Labelled<DurationHistogram>) {
    super({ name, help, labelNames: [...labelNames], buckets: [...BUCKETS_SECONDS], registers: [] })
    this.#shown = { name, help }
    this.#read = read
  }

  /** What the registry asks for, and `get` is made of; the client's types do not have it. */
  async getForPromString(): Promise<object> {
    const values = this.#read().flatMap(([labels, times]) => linesOf(this.#shown.name, labels, times))
    return { ...this.#shown, type: 'histogram', aggregator: 'sum', values }
  }
}

function linesOf(name: string, labels: Labels, { counts, sumSeconds }: DurationHistogram): readonly object[] {
  let count = 0
  const buckets = counts.map((times, i) => {
    count += times
    const le = String(BUCKETS_SECONDS[i] ?? '+Inf')
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: count }
  })
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sumSeconds },
    { metricName: `${name}_count`, labels, value: count },
  ]
}
