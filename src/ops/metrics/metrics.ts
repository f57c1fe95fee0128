import type { Registry } from 'prom-client'
import type { RuleStats, Stats } from '../../model/stats.ts'
import type { TargetCounters, TargetState } from '../../model/delivery/target-state.ts'
import { addEventMetrics } from './events.ts'
import type { Health } from '../health.ts'
import { Instruments, type Labelled } from './instruments.ts'
import { addOutboxMetrics } from './outbox.ts'
import { addSagaMetrics } from './sagas.ts'
import type { Progress } from '../progress.ts'
import { addScaleGauges } from './scale.ts'
import { addSourceGauges } from './sources.ts'
import { addWaitingGauges } from './waiting.ts'

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

/** The registry behind /metrics. */
export function createMetrics(sources: MetricsSources): Registry {
  const { stats, progress, now, version } = sources
  const instruments = new Instruments()
  addCounters(instruments, stats)
  addGauges(instruments, sources)
  addSourceGauges(instruments, stats, progress, now)
  for (const [name, help, read] of RULE_COUNTERS)
    instruments.counter(name, help, ['rule'], () => [...stats.rules].map(([rule, value]) => [{ rule }, read(value)]))
  addTargets(instruments, stats)
  addWaitingGauges(instruments, stats, now)
  addOutboxMetrics(instruments, stats)
  addScaleGauges(instruments, stats)
  addSagaMetrics(instruments, stats)
  if (stats.events !== null) addEventMetrics(instruments, stats.events, now)
  addProcess(instruments, version)
  return instruments.registry
}

function addCounters(instruments: Instruments, stats: Stats): void {
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
  for (const [name, help, read] of counters) instruments.counter(name, help, [], () => [[{}, read()]])
}

function addGauges(instruments: Instruments, { stats, progress, health, deadLetters }: MetricsSources): void {
  const gauge = (...args: Parameters<Instruments['value']>): void => instruments.value(...args)
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
  gauge('bingo_in_flight_jobs', 'Actions in flight: matched and not finished', () => stats.budget.jobs)
  gauge('bingo_in_flight_bytes', 'Bytes of memory that actions in flight hold', () => stats.budget.bytes)
  gauge('bingo_budget_bytes', 'Memory budget: bytes in flight at which reading pauses', () => stats.budget.limitBytes)
  gauge('bingo_source_paused', '1 while reading is paused by back-pressure', () => Number(stats.budget.paused))
  gauge('bingo_dead_letters', 'Dead letters in the store', deadLetters)
  gauge('bingo_dead_letters_blocked', '1 while the dead-letter store is full or unavailable and delivery waits', () =>
    Number(stats.deadLetters.blockedSince > 0),
  )
}

function addTargets(instruments: Instruments, stats: Stats): void {
  const labels = ['target', 'type']
  for (const [name, help, read] of TARGET_COUNTERS)
    instruments.counter(name, help, labels, () => ofTargets(stats, ({ counters }) => read(counters)))
  const gauges: readonly (readonly [string, string, (target: TargetState) => number])[] = [
    ['bingo_target_queue', 'Actions pending for the target', (target) => target.queued],
    ['bingo_target_paused', '1 while an operator has the target paused', (target) => Number(target.pausedSince > 0)],
    ['bingo_target_up', '0 while the target is down', (target) => Number(target.downSince === 0)],
    [
      'bingo_target_in_flight_bytes',
      'Bytes of the memory budget that the target holds',
      (target) => target.inFlightBytes,
    ],
    [
      'bingo_target_blocks_reading',
      '1 while reading is paused because the target is down or paused and holds its share of the budget',
      (target) => Number(stats.budget.paused && stats.budget.blockingTarget() === target),
    ],
  ]
  for (const [name, help, read] of gauges) instruments.gauge(name, help, labels, () => ofTargets(stats, read))
  const times = (): Labelled<TargetCounters['sendTimes']> => ofTargets(stats, ({ counters }) => counters.sendTimes)
  instruments.times('bingo_target_send_duration_seconds', 'Duration of sends to the target in seconds', labels, times)
  const failures = (): Labelled =>
    ofTargets(stats, ({ counters }) => [...counters.failures]).flatMap(([target, counts]) =>
      counts.map(([code, count]) => [{ ...target, code }, count] as const),
    )
  const help = 'Failed delivery attempts by error code'
  instruments.counter('bingo_target_failures_total', help, [...labels, 'code'], failures)
}

function ofTargets<T>(stats: Stats, read: (target: TargetState) => T): Labelled<T> {
  return [...stats.targets].map(([target, value]) => [{ target, type: value.type }, read(value)])
}

function addProcess(instruments: Instruments, version: string): void {
  instruments.gauge('bingo_build_info', 'Running version of BinGo', ['version'], () => [[{ version }, 1]])
  instruments.counter('process_cpu_seconds_total', 'CPU seconds used', [], () => {
    const { user, system } = process.cpuUsage()
    return [[{}, (user + system) / 1e6]]
  })
  instruments.value('process_resident_memory_bytes', 'Resident memory in bytes', () => process.memoryUsage.rss())
}
