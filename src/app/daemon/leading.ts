import { TargetQueues } from '../../deliver/deliveries.ts'
import { createPipeline } from '../../flow/pipeline.ts'
import type { Pipeline } from '../../flow/pipeline-contract.ts'
import type { SourceEntry } from '../../flow/reading/reading.ts'
import type { DeadLetterStore } from '../../model/delivery/dead-letter.ts'
import type { PauseResult } from '../../model/delivery/deliveries.ts'
import type { DeliveryRun } from '../../model/delivery/delivery-run.ts'
import type { WaitingStore } from '../../model/delivery/waiting.ts'
import type { Target } from '../../model/rule/action.ts'
import type { TargetConfig } from '../../model/rule/target-config.ts'
import type { RuleSet } from '../../model/rule/rule-set.ts'
import type { Permit } from '../../model/state/lease.ts'
import type { StateStore } from '../../model/state/state.ts'
import { compileRowImages } from '../../sources/mysql/binlog/event-bytes/row-images.ts'
import { compileRowDecoder } from '../../sources/mysql/binlog/rows/row-decoder.ts'
import { openDeadLetterStore, openInstanceState, openWaitingStore, type StateSettings } from '../../state/open.ts'
import { actionTypes } from '../../targets/registry.ts'
import type { Config } from '../config/config.ts'
import type { Elected } from '../election.ts'
import type { RunningEvents } from '../events/open-events.ts'
import { lookupsOf, sourceAddresses } from '../lookups.ts'
import { loadSources, openSources, type NamedSource } from '../open-sources.ts'
import { OpenParts } from '../open-parts.ts'
import { logSendsOf, openTarget } from '../open-target.ts'
import { outboxWork } from '../outbox/outbox-work.ts'
import { PausedTargets } from '../paused-targets.ts'
import { StoredSwitches, SwitchedTarget } from '../rule-switches.ts'
import { RunningSagas } from '../sagas.ts'
import { forgetLayout } from '../scale/layout.ts'
import { requireFinished } from '../scale/unfinished.ts'
import { GuardedDeadLetters, GuardedTarget, GuardedWaiting } from '../standby/guarded.ts'
import { stateSettings } from '../state-settings.ts'
import type { DaemonDeps, DaemonParts } from './daemon-contract.ts'
import { openFurther, type FurtherSources } from './further-sources.ts'

export interface LeadingDeps {
  readonly config: Config
  readonly deps: DaemonDeps
  readonly parts: DaemonParts
  readonly sources: readonly NamedSource[]
}

/** Where the events of a run are kept that did not, or not yet, arrive. */
interface Stores {
  readonly deadLetters: DeadLetterStore
  readonly waiting: WaitingStore
}

/** On whose behalf a pipeline runs. */
interface Leader {
  readonly permit: Permit | undefined
  /** Rejects when another instance has taken over. */
  readonly replaced: Promise<void>
  readonly switches: StoredSwitches
}

/** What an instance has open while it leads: stores, sources, sagas, the pipeline; null before and behind. */
export class Leading {
  pipeline: Pipeline | null = null
  deadLetters: DeadLetterStore | null = null
  events: RunningEvents | null = null
  switches: StoredSwitches | null = null
  sagas: RunningSagas | null = null
  private readonly config: Config
  private readonly deps: DaemonDeps
  private readonly parts: DaemonParts
  private readonly sources: readonly NamedSource[]
  private ruleSet: RuleSet
  private further: FurtherSources | null = null
  private pauses: PausedTargets | null = null

  constructor({ config, deps, parts, sources }: LeadingDeps, ruleSet: RuleSet) {
    this.config = config
    this.deps = deps
    this.parts = parts
    this.sources = sources
    this.ruleSet = ruleSet
  }

  reload(ruleSet: RuleSet): void {
    this.ruleSet = ruleSet
    this.sagas?.use(ruleSet)
    this.pipeline?.reload(this.inForce)
  }

  async setTargetPaused(target: string, isPaused: boolean, by: string): Promise<PauseResult> {
    const { pipeline, pauses } = this
    if (pipeline === null || pauses === null) return 'not leading'
    return pauses.decide(pipeline, target, isPaused, by)
  }

  pauseAsKept(target: string): void {
    if (this.pauses !== null) this.pipeline?.setTargetPaused(target, this.pauses.since(target))
  }

  /** Opens all, reads and delivers until `signal` is aborted, and closes all. Rejects with the BingoError that ended it. */
  async run(signal: AbortSignal, elected: Elected | null): Promise<void> {
    const opened = new OpenParts()
    try {
      await this.runWith(opened, signal, elected)
    } finally {
      this.events = null
      this.switches = null
      this.pauses = null
      this.sagas = null
      this.deadLetters = null
      await opened.close()
    }
  }

  private async runWith(opened: OpenParts, signal: AbortSignal, elected: Elected | null): Promise<void> {
    const { config, deps, parts } = this
    const settings = stateSettings(config, deps.log, deps.servers)
    const { state, checkpoints } = await openInstanceState(settings)
    opened.add(checkpoints)
    opened.add(state)
    const switches = parts.shared?.switches ?? this.switchesOf(state)
    const further = await openFurther(opened, {
      config,
      deps,
      skipped: switches.skipped,
      schemas: () => this.ruleSet.schemas,
    })
    this.further = further
    const found = { ...deps, config, sources: [...this.sources, ...further.sources], state, checkpoints }
    const loaded = await loadSources(found, signal)
    if (loaded === 'stopped') return
    if (elected !== null && !(await elected.claim(loaded, signal))) return
    if (parts.shared === undefined) {
      if ((await requireFinished(state, config, deps, signal)) === 'stopped') return
      await forgetLayout(state)
      await switches.load()
    }
    this.switches = switches
    this.pauses = parts.shared?.pauses ?? (await this.loadedPauses(state))
    const stores = await this.openStores(opened, settings)
    const work = outboxWork(config.outboxes, opened, deps)
    const entries = await openSources(
      loaded,
      {
        ...found,
        deadLetters: stores.deadLetters,
        types: actionTypes(),
        permit: elected?.permit,
        outboxWork: work,
      },
      { ruleSet: () => this.inForce, position: (source) => this.pipeline?.position(source) ?? null },
    )
    further.streams?.begin(loaded, entries)
    this.events = further.events
    const replacedBySagas = Promise.withResolvers<never>()
    replacedBySagas.promise.catch(() => undefined)
    const sagas = this.sagasOf(opened, settings, replacedBySagas.reject)
    if (parts.runsSagas !== false) {
      if (!(await sagas.begin(this.ruleSet, signal))) return
      this.sagas = sagas
    }
    const replaced = Promise.race([replacedBySagas.promise, ...(elected === null ? [] : [elected.replaced])])
    // It may come before the pipeline listens: opening what waits may take as long as a lease.
    replaced.catch(() => undefined)
    const leader = { permit: elected?.permit, replaced, switches }
    this.pipeline = this.pipelineOf(entries, loaded.epoch, stores, leader)
    await sagas.start(this.pipeline.commands)
    further.events?.start()
    await this.pipeline.run(signal)
  }

  private async openStores(opened: OpenParts, settings: StateSettings): Promise<Stores> {
    const { config, parts } = this
    const { maxCount, maxBytes, maxAgeMs } = config.deadLetters
    const ofLetters = { ...settings, name: parts.shared?.name ?? settings.name }
    const deadLetters = opened.add(await openDeadLetterStore(ofLetters, { maxCount, maxBytes, maxAgeMs }))
    this.deadLetters = deadLetters
    const waiting = opened.add(await openWaitingStore({ ...settings, name: parts.waiting ?? settings.name }))
    return { deadLetters, waiting }
  }

  private async loadedPauses(state: StateStore): Promise<PausedTargets> {
    const pauses = new PausedTargets({ ...this.deps, name: this.config.name, state })
    await pauses.load()
    return pauses
  }

  private switchesOf(state: StateStore): StoredSwitches {
    const { name } = this.config
    const rules = (): RuleSet => this.ruleSet
    return new StoredSwitches({ ...this.deps, name, state, rules, changed: () => this.reload(this.ruleSet) })
  }

  private sagasOf(opened: OpenParts, settings: StateSettings, replaced: (error: unknown) => void): RunningSagas {
    const { deps, config } = this
    const sagas = new RunningSagas({ ...deps, settings, config: config.sagas, replaced })
    opened.defer(() => sagas.close(config.shutdown.deadlineMs))
    return sagas
  }

  /** Without the rules that were disabled. */
  private get inForce(): RuleSet {
    const enabled = this.switches?.enabledOf(this.ruleSet) ?? this.ruleSet
    // Where no sagas run, their targets are not opened either.
    const listening = this.sagas?.withRules(enabled) ?? { ...enabled, sagas: [] }
    const all = this.further?.streams?.withRule(listening) ?? listening
    return this.parts.rules?.(all) ?? all
  }

  private pipelineOf(
    sources: readonly SourceEntry<object>[],
    epoch: number,
    { deadLetters, waiting }: Stores,
    { permit, replaced, switches }: Leader,
  ): Pipeline {
    const { config, deps } = this
    const { name, lanes, breakerEvents, spool } = config
    return createPipeline(
      {
        name,
        lanes,
        checkpointIntervalMs: config.checkpoint.intervalMs,
        shutdownDeadlineMs: config.shutdown.deadlineMs,
        breakerEvents,
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
              lanes,
              spool,
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

  private async open(target: TargetConfig, run: DeliveryRun, permit: Permit | undefined): Promise<Target> {
    const sinks = { events: this.events?.sink, streams: this.further?.streams?.sink, sagas: this.sagas ?? undefined }
    const kept = { ...this.deps, ...sinks }
    const valid = permit === undefined ? undefined : (): boolean => permit.valid
    const opened = await (this.parts.openTarget?.(target, run) ?? openTarget(target, run, kept, valid))
    return permit === undefined ? opened : new GuardedTarget(opened, permit)
  }
}
