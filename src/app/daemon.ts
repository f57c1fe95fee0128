import { TargetQueues } from '../deliver/deliveries.ts'
import { actionTypes } from '../targets/registry.ts'
import { compileRowImages } from '../sources/mysql/binlog/event-bytes/row-images.ts'
import { compileRowDecoder } from '../sources/mysql/binlog/rows/row-decoder.ts'
import { openDeadLetterStore, openInstanceState, openWaitingStore } from '../state/open.ts'
import type { Config } from './config/config.ts'
import { outboxWork } from './outbox/outbox-work.ts'
import { EVENTS_SOURCE, STREAMS_SOURCE } from './config/sources.ts'
import type { Log, Target, TargetConfig, TargetContext } from '../model/rule/action.ts'
import type { DropResult, PauseResult } from '../model/delivery/deliveries.ts'
import type { Clock } from '../model/clock.ts'
import type { DeadLetterStore } from '../model/delivery/dead-letter.ts'
import type { WaitingStore } from '../model/delivery/waiting.ts'
import type { DeliveryRun } from '../model/delivery/delivery-run.ts'
import { EventCounters } from '../model/event/posted/event-counters.ts'
import { NO_GAPS, type GapLog } from '../model/event/gap.ts'
import type { StateStore } from '../model/state/state.ts'
import type { SourcePosition } from '../model/source/position.ts'
import type { RuleSet } from '../model/rule/rule.ts'
import type { Stats } from '../model/stats.ts'
import type { Lease } from '../model/state/lease.ts'
import { runElected } from './election.ts'
import { logSendsOf, openTarget } from './open-target.ts'
import { loadSources, openSources, sourceState, type NamedSource } from './open-sources.ts'
import { RunningSagas } from './sagas.ts'
import { stateSettings } from './state-settings.ts'
import type { Permit } from '../model/state/lease.ts'
import type { SagaOperations } from '../sagas/contract.ts'
import type { StateSettings } from '../state/open.ts'
import type { Elected } from './election.ts'
import type { OpenBrokers } from './brokers/open-brokers.ts'
import { createPipeline } from '../flow/pipeline.ts'
import type { Pipeline } from '../flow/pipeline-contract.ts'
import type { SourceEntry } from '../flow/reading.ts'
import { openPolledOutboxes, polledSourceNames } from './outbox/polled-outboxes.ts'
import type { Events, RuleSwitches } from '../events/contract.ts'
import type { RunningEvents } from './events/open-events.ts'
import { PausedTargets } from './paused-targets.ts'
import type { RunningStreams } from './event-store/open-streams.ts'
import { StoredSwitches, SwitchedTarget } from './rule-switches.ts'
import { lookupsOf, sourceAddresses } from './lookups.ts'
import { GuardedDeadLetters, GuardedTarget, GuardedWaiting } from './standby/guarded.ts'

export interface DaemonDeps {
  readonly log: Log
  readonly stats: Stats
  readonly clock: Clock
  /** As in TargetContext: the process decides when files that targets write are opened anew. */
  readonly onReopen?: TargetContext['onReopen']
}

export interface Daemon {
  /** Resolves after a drained stop; rejects with the BingoError that ended it. */
  run(signal: AbortSignal): Promise<void>
  reload(ruleSet: RuleSet): void
  /** What waits for a target that no rule names any more goes to the dead letters. */
  dropTarget(target: string): DropResult
  /** Its events wait until it is resumed, also over restarts. Rejects with the BingoError of the state store. */
  setTargetPaused(target: string, isPaused: boolean, by: string): Promise<PauseResult>
  /** What others have decided of this target, and is known by now. */
  pauseAsKept(target: string): void
  /** Evaluates what waits for a suspended rule again; false: it is not suspended. */
  resumeRule(rule: string): boolean
  /** Where a restart would resume with a source (default: the first); null before the first connection. */
  position(source?: string): SourcePosition | null
  /** Changes of a source (default: the first) that were skipped knowingly. */
  gaps(source?: string): GapLog
  /** Null while none are taken in: they are not configured, the instance starts, or another one leads. */
  events(): Events | null
  /** Null while the instance starts, another one leads, or there are no sagas. */
  sagas(): SagaOperations | null
  /** Null while the instance starts, or another one leads. */
  rules(): RuleSwitches | null
  /** Entries in the dead-letter store; 0 before the store is open. Rejects when the store cannot be asked. */
  deadLetterCount(): Promise<number>
}

/** What differs in a daemon that does a part of the work of several. */
export interface DaemonParts {
  /** Instead of the servers of the configuration. */
  readonly sources?: readonly NamedSource[]
  /** What the pipeline runs of the rules in force. */
  readonly rules?: (inForce: RuleSet) => RuleSet
  /** Opens targets that no rule can name; undefined: it is another one. */
  readonly openTarget?: (target: TargetConfig, run: DeliveryRun) => Promise<Target> | undefined
  /** Who holds it leads, instead of whom `standby.lease` says. */
  readonly lease?: () => Promise<Lease>
  /** The name of its store of waiting events; absent: that of the instance. */
  readonly waiting?: string
  /** What it has in common with others: the name of their dead letters, and what operators have decided, loaded. */
  readonly shared?: { readonly name: string; readonly switches: StoredSwitches; readonly pauses: PausedTargets }
}

/** Builds everything that a configuration names: stores, source, pipeline. Nothing is opened before `run`. */
export function createDaemon(config: Config, ruleSet: RuleSet, deps: DaemonDeps, parts: DaemonParts = {}): Daemon {
  return new ConfiguredDaemon(config, ruleSet, deps, parts)
}

class ConfiguredDaemon implements Daemon {
  private readonly config: Config
  private readonly deps: DaemonDeps
  private readonly parts: DaemonParts
  private readonly sources: readonly NamedSource[]
  private ruleSet: RuleSet
  private pipeline: Pipeline | null = null
  private deadLetters: DeadLetterStore | null = null
  private running: RunningEvents | null = null
  private streams: RunningStreams | null = null
  private switches: StoredSwitches | null = null
  private pauses: PausedTargets | null = null
  private runningSagas: RunningSagas | null = null

  constructor(config: Config, ruleSet: RuleSet, deps: DaemonDeps, parts: DaemonParts) {
    this.config = config
    this.ruleSet = ruleSet
    this.deps = deps
    this.parts = parts
    this.sources = parts.sources ?? config.sources.map(({ name, ...mysql }, i) => ({ name, mysql, isMain: i === 0 }))
    for (const source of this.sources) if ('mysql' in source) sourceState(deps.stats, source.name)
    if (config.events !== null) {
      deps.stats.events = new EventCounters()
      // It is not ready before the log can be read.
      sourceState(deps.stats, EVENTS_SOURCE)
    }
    for (const name of polledSourceNames(config.outboxes)) sourceState(deps.stats, name)
    for (const { name } of config.brokers) sourceState(deps.stats, name)
    if ((config.eventStore?.follow ?? 'off') !== 'off') sourceState(deps.stats, STREAMS_SOURCE)
  }

  position(source?: string): SourcePosition | null {
    return (this.pipeline?.position(source) ?? null) as SourcePosition | null
  }

  gaps(source?: string): GapLog {
    return this.pipeline?.gaps(source) ?? NO_GAPS
  }

  async deadLetterCount(): Promise<number> {
    return (await this.deadLetters?.count()) ?? 0
  }

  dropTarget(target: string): DropResult {
    return this.pipeline?.dropTarget(target) ?? 'unknown'
  }

  async setTargetPaused(target: string, isPaused: boolean, by: string): Promise<PauseResult> {
    const { pipeline, pauses } = this
    if (pipeline === null || pauses === null) return 'not leading'
    const since = pauses.since(target)
    if (!isPaused && since === 0) return 'not paused'
    // What has no queue yet is none of the rules.
    if (isPaused && since === 0 && !pipeline.setTargetPaused(target, this.deps.clock.now())) return 'unknown'
    try {
      await pauses.set(target, isPaused, by)
    } finally {
      pipeline.setTargetPaused(target, pauses.since(target))
    }
    return 'done'
  }

  pauseAsKept(target: string): void {
    if (this.pauses !== null) this.pipeline?.setTargetPaused(target, this.pauses.since(target))
  }

  resumeRule(rule: string): boolean {
    return this.pipeline?.resumeRule(rule) ?? false
  }

  events(): Events | null {
    return this.running
  }

  sagas(): SagaOperations | null {
    return this.runningSagas?.operations ?? null
  }

  rules(): RuleSwitches | null {
    return this.switches
  }

  reload(ruleSet: RuleSet): void {
    this.ruleSet = ruleSet
    this.runningSagas?.use(ruleSet)
    this.pipeline?.reload(this.inForce)
  }

  /** Without the rules that were disabled. */
  private get inForce(): RuleSet {
    const enabled = this.switches?.enabledOf(this.ruleSet) ?? this.ruleSet
    const listening = this.runningSagas?.withRules(enabled) ?? enabled
    const all = this.streams?.withRule(listening) ?? listening
    return this.parts.rules?.(all) ?? all
  }

  async run(signal: AbortSignal): Promise<void> {
    const { config, deps, parts } = this
    await runElected(config, deps, signal, (elected) => this.lead(signal, elected), parts.lease)
  }

  private async lead(signal: AbortSignal, elected: Elected | null): Promise<void> {
    const { config, deps, parts } = this
    const settings = stateSettings(config, deps.log)
    const { state, checkpoints } = await openInstanceState(settings)
    const switches = parts.shared?.switches ?? this.switchesOf(state)
    const events = await this.openEvents(switches)
    const streams = (this.streams = await this.openStreams())
    const polled = await openPolledOutboxes(config, { ...deps, env: process.env })
    const brokers = await this.openBrokers()
    try {
      const added = [events?.source, streams?.source, ...(polled?.sources ?? []), ...(brokers?.sources ?? [])]
      const sources = [...this.sources, ...added.filter((source) => source != null)]
      const found = { ...deps, config, sources, state, checkpoints }
      const loaded = await loadSources(found, signal)
      if (loaded === 'stopped') return
      if (elected !== null && !(await elected.claim(loaded, signal))) return
      if (parts.shared === undefined) await switches.load()
      this.switches = switches
      this.pauses = parts.shared?.pauses ?? (await this.loadedPauses(state))
      const { maxCount, maxBytes, maxAgeMs } = config.deadLetters
      const ofLetters = { ...settings, name: parts.shared?.name ?? settings.name }
      const deadLetters = await openDeadLetterStore(ofLetters, { maxCount, maxBytes, maxAgeMs })
      this.deadLetters = deadLetters
      const waiting = await openWaitingStore({ ...settings, name: parts.waiting ?? settings.name })
      using outboxes = new DisposableStack()
      const replacedBySagas = Promise.withResolvers<never>()
      replacedBySagas.promise.catch(() => undefined)
      const sagas = this.sagasOf(settings, elected, replacedBySagas.reject)
      try {
        const entries = await openSources(
          loaded,
          {
            ...found,
            deadLetters,
            types: actionTypes(),
            permit: elected?.permit,
            outboxWork: outboxWork(config.outboxes, outboxes, deps),
          },
          { ruleSet: () => this.inForce, position: (source) => this.position(source) },
        )
        streams?.begin(loaded, entries)
        this.running = events
        await sagas.begin(this.ruleSet)
        this.runningSagas = sagas
        const replaced = Promise.race([replacedBySagas.promise, ...(elected === null ? [] : [elected.replaced])])
        this.pipeline = this.pipelineOf(
          entries,
          loaded.epoch,
          { deadLetters, waiting },
          { elected, replaced },
          switches,
        )
        events?.start()
        await this.pipeline.run(signal)
      } finally {
        this.running = null
        this.switches = null
        this.pauses = null
        this.runningSagas = null
        await sagas.close(config.shutdown.deadlineMs)
        await events?.close()
        await streams?.close()
        await polled?.close()
        await brokers?.close()
        this.deadLetters = null
        await waiting.close()
        await deadLetters.close()
      }
    } finally {
      await state.close()
      await checkpoints.close()
    }
  }

  private async loadedPauses(state: StateStore): Promise<PausedTargets> {
    const pauses = new PausedTargets({ ...this.deps, name: this.config.name, state })
    await pauses.load()
    return pauses
  }

  private async open(target: TargetConfig, run: DeliveryRun, permit: Permit | undefined): Promise<Target> {
    const sinks = { events: this.running?.sink, streams: this.streams?.sink, sagas: this.runningSagas ?? undefined }
    const kept = { ...this.deps, ...sinks }
    const valid = permit === undefined ? undefined : (): boolean => permit.valid
    const opened = await (this.parts.openTarget?.(target, run) ?? openTarget(target, run, kept, valid))
    return permit === undefined ? opened : new GuardedTarget(opened, permit)
  }

  private sagasOf(settings: StateSettings, elected: Elected | null, replaced: (error: unknown) => void): RunningSagas {
    const { name, sagas: config } = this.config
    const openFor = (target: TargetConfig): Promise<Target> =>
      this.open(target, { name, epoch: null, window: null }, elected?.permit)
    return new RunningSagas({ ...this.deps, settings, config, replaced, openTarget: openFor })
  }

  private switchesOf(state: StateStore): StoredSwitches {
    const { name } = this.config
    const rules = (): RuleSet => this.ruleSet
    return new StoredSwitches({ ...this.deps, name, state, rules, changed: () => this.reload(this.ruleSet) })
  }

  private async openEvents({ skipped }: StoredSwitches): Promise<RunningEvents | null> {
    const { name, events } = this.config
    if (events === null) return null
    // What an instance for rows alone does not need is not loaded there.
    const schemas = () => this.ruleSet.schemas
    const { openEvents } = await import('./events/open-events.ts')
    return openEvents({ ...this.deps, name, config: events, counters: this.deps.stats.events!, skipped, schemas })
  }

  private async openBrokers(): Promise<OpenBrokers | null> {
    if (this.config.brokers.length === 0) return null
    const { openBrokers } = await import('./brokers/open-brokers.ts')
    return openBrokers(this.config, { ...this.deps, env: process.env })
  }

  private async openStreams(): Promise<RunningStreams | null> {
    const { eventStore } = this.config
    if (eventStore === null) return null
    const { openStreams } = await import('./event-store/open-streams.ts')
    return openStreams(eventStore, this.deps)
  }

  private pipelineOf(
    sources: readonly SourceEntry<object>[],
    epoch: number,
    { deadLetters, waiting }: { readonly deadLetters: DeadLetterStore; readonly waiting: WaitingStore },
    { elected, replaced }: { readonly elected: Elected | null; readonly replaced: Promise<void> },
    switches: StoredSwitches,
  ): Pipeline {
    const { config, deps } = this
    const permit = elected?.permit
    return createPipeline(
      {
        name: config.name,
        lanes: config.lanes,
        checkpointIntervalMs: config.checkpoint.intervalMs,
        shutdownDeadlineMs: config.shutdown.deadlineMs,
        breakerEvents: config.breakerEvents,
        epoch,
      },
      {
        ...deps,
        ruleSet: this.inForce,
        sources,
        deliveries: (run, hooks) =>
          new TargetQueues(
            {
              ...deps,
              lanes: config.lanes,
              spool: config.spool,
              pausedSince: (target) => this.pauses?.since(target) ?? 0,
              logSends: logSendsOf(config.log, deps.log),
              deadLetters: permit === undefined ? deadLetters : new GuardedDeadLetters(deadLetters, permit),
              openTarget: async (target) => new SwitchedTarget(await this.open(target, run, permit), switches),
            },
            hooks,
          ),
        lookups: lookupsOf(sourceAddresses(config), 'wait', deps),
        waiting: permit === undefined ? waiting : new GuardedWaiting(waiting, permit),
        replaced,
        compileRowDecoder,
        compileRowImages,
      },
    )
  }
}
