import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { BUCKETS_SECONDS } from '../model/delivery/duration-histogram.ts'
import {
  EVENT_COUNTERS,
  EVENT_GAUGES,
  histogramValues,
  PROCESSING_TIMES,
  PROCESSING_TIMES_HELP,
} from './event-metrics.ts'
import { failureValues, SEND_TIMES, sendTimeValues } from './send-metrics.ts'
import type { RuleStats, Stats } from '../model/stats.ts'
import type { TargetCounters, TargetState } from '../model/delivery/target-state.ts'
import type { Health } from './health.ts'
import type { Progress } from './progress.ts'
import { addSourceGauges, type AddSourceGauge } from './source-metrics.ts'
import { addWaitingGauges, type AddGauge } from './waiting-metrics.ts'

export interface MetricsSources {
  readonly stats: Stats
  readonly progress: Progress
  readonly health: () => Health
  /** Dead letters in the store; undefined when the store cannot say. */
  readonly deadLetters: () => Promise<number | undefined>
  readonly version: string
  readonly now: () => number
}

const RULE_COUNTERS: readonly (readonly [string, string, (rule: RuleStats) => number])[] = [
  ['bingo_rule_matched_total', 'Changes that matched the rule', (rule) => rule.matchedTotal],
  ['bingo_rule_actions_total', 'Actions that matches of the rule created', (rule) => rule.actionsTotal],
  ['bingo_rule_delivered_total', 'Actions of the rule that the target acknowledged', (rule) => rule.deliveredTotal],
  [
    'bingo_rule_coalesced_total',
    'Actions of the rule replaced by a newer one of the same key in a debounce window',
    (rule) => rule.coalescedTotal,
  ],
  ['bingo_rule_errors_total', 'Changes whose filter or template failed', (rule) => rule.errorsTotal],
  ['bingo_rule_dead_letters_total', 'Actions of the rule moved to the dead letters', (rule) => rule.deadLettersTotal],
]

const TARGET_COUNTERS: readonly (readonly [string, string, (target: TargetCounters) => number])[] = [
  ['bingo_target_sends_total', 'Batches sent to the target', (target) => target.sendsTotal],
  ['bingo_target_delivered_total', 'Actions that the target acknowledged', (target) => target.deliveredTotal],
  ['bingo_target_failed_total', 'Failed delivery attempts', (target) => target.failedTotal],
  ['bingo_target_retried_total', 'Retries: actions queued for another attempt', (target) => target.retriedTotal],
  ['bingo_target_given_up_total', 'Actions given up and moved to the dead letters', (target) => target.givenUpTotal],
]

/** The registry behind /metrics. Nothing is counted here: everything is read from the stats when scraped. */
export function createMetrics(sources: MetricsSources): Registry {
  const registry = new Registry()
  addCounters(registry, sources.stats)
  addGauges(registry, sources)
  for (const [name, help, read] of RULE_COUNTERS)
    addLabelled(registry, name, help, ['rule'], () => ruleValues(sources.stats, read))
  for (const [name, help, read] of TARGET_COUNTERS) {
    addLabelled(registry, name, help, ['target', 'type'], () =>
      targetValues(sources.stats, ({ counters }) => read(counters)),
    )
  }
  addTargetGauges(registry, sources.stats)
  const { stats } = sources
  registry.registerMetric(
    new CountedTimes(SEND_TIMES, SEND_TIMES_HELP, ['target', 'type'], () => sendTimeValues(stats)),
  )
  addLabelled(
    registry,
    'bingo_target_failures_total',
    'Failed delivery attempts by error code',
    ['target', 'type', 'code'],
    () => failureValues(sources.stats),
  )
  addWaitingGauges((...gauge) => addGauge(registry, ...gauge), sources.stats, sources.now)
  addEvents(registry, sources)
  addProcess(registry, sources.version)
  return registry
}

/** Of posted events, where they are taken in. */
function addEvents(registry: Registry, { stats: { events }, now }: MetricsSources): void {
  if (events === null) return
  for (const [name, help, labels, read] of EVENT_COUNTERS) addLabelled(registry, name, help, labels, () => read(events))
  for (const [name, help, read] of EVENT_GAUGES) {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        const value = read(events, now())
        if (value === undefined) this.remove()
        else this.set(value)
      },
    })
  }
  const times = () => histogramValues(PROCESSING_TIMES, events.processing)
  registry.registerMetric(new CountedTimes(PROCESSING_TIMES, PROCESSING_TIMES_HELP, [], times))
}

function addCounters(registry: Registry, stats: Stats): void {
  const counters: readonly (readonly [string, string, () => number])[] = [
    ['bingo_events_read_total', 'Binlog events received from the source', () => stats.eventsTotal],
    ['bingo_bytes_read_total', 'Bytes of binlog received from the source', () => stats.bytesTotal],
    ['bingo_rows_read_total', 'Row changes of tables that a rule references', () => stats.rowsTotal],
    ['bingo_rows_matched_total', 'Changes that matched at least one rule, each counted once', () => stats.matchedTotal],
    ['bingo_transactions_total', 'Transactions read', () => stats.transactionsTotal],
    ['bingo_source_reconnects_total', 'Reconnects to the source', () => stats.reconnectsTotal],
    [
      'bingo_rules_reload_refused_total',
      'Rule reloads refused because the changed rules were invalid',
      () => stats.reload.refusedTotal,
    ],
    ['bingo_gaps_total', 'Gaps: times source.onGap skipped changes', () => stats.gapsTotal],
    [
      'bingo_source_statements_skipped_total',
      'Statements logged instead of rows and ignored, on tables that no rule reads',
      () => stats.skippedStatementsTotal,
    ],
    ['bingo_source_checksum_errors_total', 'Events with a wrong CRC32 checksum', () => stats.checksumErrorsTotal],
    ['bingo_checkpoint_failures_total', 'Failed attempts to save the checkpoint', () => stats.checkpointFailuresTotal],
  ]
  for (const [name, help, read] of counters) addLabelled(registry, name, help, [], () => [[{}, read()]])
}

function addGauges(registry: Registry, { stats, progress, health, deadLetters, now }: MetricsSources): void {
  const gauge = (name: string, help: string, read: () => Reading | Promise<Reading>): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        const value = await read()
        if (value === undefined) this.remove()
        else this.set(value)
      },
    })
  }
  gauge('bingo_ready', '1 when /readyz answers 200', () => Number(health().ready))
  gauge('bingo_rules_invalid', '1 while the rule files are invalid and the previous rules stay active', () =>
    Number(stats.reload.refusedSince > 0),
  )
  gauge(
    'bingo_rule_table_errors',
    'Errors of the active rules with tables seen in the binlog',
    () => stats.tableProblems.error,
  )
  gauge(
    'bingo_rule_table_warnings',
    'Warnings about the active rules with tables seen in the binlog',
    () => stats.tableProblems.warning,
  )
  gauge('bingo_leader', '1 while this instance is the leader or runs alone, 0 while it is a standby', () =>
    Number(stats.standby.role !== 'standby'),
  )
  gauge(
    'bingo_lag_seconds',
    'Age of the oldest committed change that is still unfinished',
    () => progress.lagMs() / 1000,
  )
  addSourceGauges((name, help, read) => addSourceGauge(registry, name, help, read), stats, progress, now)
  gauge('bingo_in_flight_jobs', 'Actions in flight: matched and not finished', () => stats.budget.jobs)
  gauge('bingo_in_flight_bytes', 'Bytes of memory that actions in flight hold', () => stats.budget.bytes)
  gauge('bingo_budget_bytes', 'Memory budget: bytes in flight at which reading pauses', () => stats.budget.limitBytes)
  gauge('bingo_source_paused', '1 while reading is paused by back-pressure', () => Number(stats.budget.paused))
  gauge('bingo_dead_letters', 'Dead letters in the store', deadLetters)
  gauge('bingo_dead_letters_blocked', '1 while the dead-letter store is full or unavailable and delivery waits', () =>
    Number(stats.deadLetters.blockedSince > 0),
  )
}

/** What a gauge shows; undefined leaves it out. */
type Reading = number | undefined

function addSourceGauge(registry: Registry, ...[name, help, read]: Parameters<AddSourceGauge>): void {
  new Gauge({
    name,
    help,
    labelNames: ['source'],
    registers: [registry],
    collect() {
      this.reset()
      for (const [source, value] of read()) this.set(source === null ? {} : { source }, value)
    },
  })
}

function addGauge(registry: Registry, ...[name, help, label, read]: Parameters<AddGauge>): void {
  new Gauge({
    name,
    help,
    labelNames: label === null ? [] : [label],
    registers: [registry],
    collect() {
      this.reset()
      for (const [value, number] of read()) this.set(label === null ? {} : { [label]: value }, number)
    },
  })
}

function addTargetGauges(registry: Registry, stats: Stats): void {
  const gauges: readonly (readonly [string, string, (target: TargetState) => number])[] = [
    ['bingo_target_queue', 'Actions pending for the target', (target) => target.queued],
    ['bingo_target_up', '0 while the target is down', (target) => Number(target.downSince === 0)],
    [
      'bingo_target_in_flight_bytes',
      'Bytes of the memory budget that the target holds',
      (target) => target.inFlightBytes,
    ],
    [
      'bingo_target_blocks_reading',
      '1 while reading is paused because the target is down and holds its share of the budget',
      (target) => Number(stats.budget.paused && stats.budget.blockingTarget() === target),
    ],
  ]
  for (const [name, help, read] of gauges) {
    new Gauge({
      name,
      help,
      labelNames: ['target', 'type'],
      registers: [registry],
      collect() {
        this.reset()
        for (const [labels, value] of targetValues(stats, read)) this.set(labels, value)
      },
    })
  }
}

const SEND_TIMES_HELP = 'Duration of sends to the target in seconds'

/** A histogram that is counted elsewhere and read when scraped. */
class CountedTimes extends Histogram {
  readonly #shown: { readonly name: string; readonly help: string }
  readonly #read: () => readonly object[]

  constructor(name: string, help: string, labelNames: string[], read: () => readonly object[]) {
    super({ name, help, labelNames, buckets: [...BUCKETS_SECONDS], registers: [] })
    this.#shown = { name, help }
    this.#read = read
  }

  /** What the registry asks for, and `get` is made of; the client's types do not have it. */
  async getForPromString(): Promise<object> {
    return { ...this.#shown, type: 'histogram', aggregator: 'sum', values: this.#read() }
  }
}

function addProcess(registry: Registry, version: string): void {
  new Gauge({
    name: 'bingo_build_info',
    help: 'Running version of BinGo',
    labelNames: ['version'],
    registers: [registry],
  }).set({ version }, 1)
  addLabelled(registry, 'process_cpu_seconds_total', 'CPU seconds used', [], () => {
    const { user, system } = process.cpuUsage()
    return [[{}, (user + system) / 1e6]]
  })
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory in bytes',
    registers: [registry],
    collect() {
      this.set(process.memoryUsage.rss())
    },
  })
}

type Labelled = readonly (readonly [labels: { [name: string]: string }, value: number])[]

/** A counter that takes its value from elsewhere each time it is read. */
function addLabelled(registry: Registry, name: string, help: string, labelNames: string[], read: () => Labelled): void {
  new Counter({
    name,
    help,
    labelNames,
    registers: [registry],
    collect() {
      this.reset()
      for (const [labels, value] of read()) this.inc(labels, value)
    },
  })
}

function ruleValues(stats: Stats, read: (rule: RuleStats) => number): Labelled {
  return [...stats.rules].map(([rule, value]) => [{ rule }, read(value)])
}

function targetValues(stats: Stats, read: (target: TargetState) => number): Labelled {
  return [...stats.targets].map(([target, value]) => [{ target, type: value.type }, read(value)])
}
