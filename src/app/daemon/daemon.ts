import { EventCounters } from '../../model/event/posted/event-counters.ts'
import { NO_GAPS, type GapLog } from '../../model/event/gap.ts'
import type { DropResult, PauseResult } from '../../model/delivery/deliveries.ts'
import type { RuleSet } from '../../model/rule/rule-set.ts'
import type { SourcePosition } from '../../model/source/position.ts'
import type { Events, RuleSwitches } from '../../events/contract.ts'
import type { SagaOperations } from '../../sagas/contract.ts'
import type { Config } from '../config/config.ts'
import { EVENTS_SOURCE, STREAMS_SOURCE } from '../config/sources.ts'
import { runElected } from '../election.ts'
import { sourceState, type NamedSource } from '../open-sources.ts'
import { polledSourceNames } from '../outbox/polled-outboxes.ts'
import type { Daemon, DaemonDeps, DaemonParts } from './daemon-contract.ts'
import { Leading } from './leading.ts'

/** Builds everything that a configuration names: stores, source, pipeline. Nothing is opened before `run`. */
export function createDaemon(config: Config, ruleSet: RuleSet, deps: DaemonDeps, parts: DaemonParts = {}): Daemon {
  return new ConfiguredDaemon(config, ruleSet, deps, parts)
}

class ConfiguredDaemon implements Daemon {
  private readonly config: Config
  private readonly deps: DaemonDeps
  private readonly parts: DaemonParts
  private readonly leading: Leading

  constructor(config: Config, ruleSet: RuleSet, deps: DaemonDeps, parts: DaemonParts) {
    this.config = config
    this.deps = deps
    this.parts = parts
    const sources = parts.sources ?? config.sources.map(({ name, ...mysql }, i) => ({ name, mysql, isMain: i === 0 }))
    announceSources(config, sources, deps)
    this.leading = new Leading({ config, deps, parts, sources }, ruleSet)
  }

  async run(signal: AbortSignal): Promise<void> {
    const { config, deps, parts } = this
    await runElected(config, deps, signal, (elected) => this.leading.run(signal, elected), parts.lease)
  }

  reload(ruleSet: RuleSet): void {
    this.leading.reload(ruleSet)
  }

  position(source?: string): SourcePosition | null {
    return (this.leading.pipeline?.position(source) ?? null) as SourcePosition | null
  }

  gaps(source?: string): GapLog {
    return this.leading.pipeline?.gaps(source) ?? NO_GAPS
  }

  async deadLetterCount(): Promise<number> {
    return (await this.leading.deadLetters?.count()) ?? 0
  }

  dropTarget(target: string): DropResult {
    return this.leading.pipeline?.dropTarget(target) ?? 'unknown'
  }

  setTargetPaused(target: string, isPaused: boolean, by: string): Promise<PauseResult> {
    return this.leading.setTargetPaused(target, isPaused, by)
  }

  pauseAsKept(target: string): void {
    this.leading.pauseAsKept(target)
  }

  resumeRule(rule: string): boolean {
    return this.leading.pipeline?.resumeRule(rule) ?? false
  }

  events(): Events | null {
    return this.leading.events
  }

  sagas(): SagaOperations | null {
    return this.leading.sagas?.operations ?? null
  }

  rules(): RuleSwitches | null {
    return this.leading.switches
  }
}

/** Metrics and readiness know every source from the start on. */
function announceSources(config: Config, sources: readonly NamedSource[], { stats }: DaemonDeps): void {
  for (const source of sources) if ('mysql' in source) sourceState(stats, source.name)
  if (config.events !== null) {
    stats.events = new EventCounters()
    // It is not ready before the log can be read.
    sourceState(stats, EVENTS_SOURCE)
  }
  for (const name of polledSourceNames(config.outboxes)) sourceState(stats, name)
  for (const { name } of config.brokers) sourceState(stats, name)
  if ((config.eventStore?.follow ?? 'off') !== 'off') sourceState(stats, STREAMS_SOURCE)
}
