import { targetTypeOf } from '../../targets/registry.ts'
import { TargetQueues } from '../../deliver/deliveries.ts'
import { createPipeline as createFlow } from '../../flow/pipeline.ts'
import type { Pipeline as Flow } from '../../flow/pipeline-contract.ts'
import type { SourceEntry } from '../../flow/reading/reading.ts'
import type { Target } from '../../model/rule/action.ts'
import type { TargetConfig } from '../../model/rule/target-config.ts'
import { systemClock } from '../../model/clock.ts'
import type { DeadLetter, DeadLetterFilter, DeadLetterStore } from '../../model/delivery/dead-letter.ts'
import type { WaitingStore } from '../../model/delivery/waiting.ts'
import type { DeliveryRun } from '../../model/delivery/delivery-run.ts'
import type { DropResult } from '../../model/delivery/deliveries.ts'
import { BingoError } from '../../model/errors.ts'
import type { EventSink } from '../../model/event/posted/event-sink.ts'
import type { EventToPublish, PublishedEvent, PublishOptions } from '../../events/to-publish.ts'
import type { RuleSet } from '../../model/rule/rule-set.ts'
import { silentLog } from '../../model/silent-log.ts'
import { createStats, type Stats } from '../../model/stats.ts'
import { compileRowImages } from '../../sources/mysql/binlog/event-bytes/row-images.ts'
import { compileRowDecoder } from '../../sources/mysql/binlog/rows/row-decoder.ts'
import { openInstanceState, openWaitingStore } from '../../state/open.ts'
import { openBrokers, type OpenBrokers } from '../brokers/open-brokers.ts'
import { lookupsOf, lookupSource } from '../lookups.ts'
import { outboxWork } from '../outbox/outbox-work.ts'
import { OpenParts } from '../open-parts.ts'
import { loadSources, openSources, type NamedSource } from '../open-sources.ts'
import { stateSettings } from '../state-settings.ts'
import type { Pipeline, PipelineOptions, PipelineStats, RedeliveryResult, RulesInput } from './contract.ts'
import { PipelineDeadLetters } from './dead-letters.ts'
import { PipelineEvents } from './posted-events.ts'
import type { LibraryParts } from './parts.ts'
import { compileOptions, readRules, typesWith, warnOf } from './rules.ts'
import { configOf, namedSources } from './settings.ts'
import { snapshotOf } from './snapshot.ts'

/**
 * Checks everything and compiles the rules; nothing is opened or read before `run`. Rejects with ProblemsError (rules,
 * settings, what is said of a server), BINGO_PIPELINE_SOURCES, BINGO_TARGET_TYPE_INVALID or BINGO_TARGET_UNKNOWN.
 */
export async function createPipeline(options: PipelineOptions): Promise<Pipeline> {
  const { log = silentLog, clock = systemClock, env = process.env } = options
  const sources = namedSources(options)
  const config = configOf(options)
  const types = typesWith(options.targets ?? [])
  const compile = compileOptions(config, types, options, config.events !== null)
  const loaded = await readRules(options.rules, compile)
  warnOf(loaded, log)
  return new LibraryPipeline({ config, sources, types, compile, log, clock, env }, loaded.ruleSet)
}

export class LibraryPipeline implements Pipeline {
  private readonly parts: LibraryParts
  private readonly counters: Stats
  private readonly letters: PipelineDeadLetters
  private readonly events: PipelineEvents
  private ruleSet: RuleSet
  private started = false
  /** The reloads that were asked for are done. */
  private reloaded = Promise.resolve()
  private flow: Flow | null = null
  /** While it runs. */
  private brokers: OpenBrokers | null = null

  constructor(parts: LibraryParts, ruleSet: RuleSet) {
    this.parts = parts
    this.ruleSet = ruleSet
    this.counters = createStats(parts.config.budgetBytes, parts.config.targetBudgetBytes)
    this.events = new PipelineEvents(parts, this.counters, () => this.ruleSet.schemas)
    this.letters = new PipelineDeadLetters(parts, this.events, (target, run, events) =>
      this.openTarget(target, run, events),
    )
  }

  async run(signal: AbortSignal = new AbortController().signal): Promise<void> {
    if (this.started) {
      throw new BingoError('BINGO_PIPELINE_STARTED', `The pipeline "${this.parts.config.name}" was started already`, {
        hint: 'Create another one with createPipeline: it resumes at the stored positions.',
      })
    }
    this.started = true
    const opened = new OpenParts()
    try {
      await this.runWith(opened, signal)
    } finally {
      this.events.stop()
      await opened.close()
    }
  }

  private async runWith(opened: OpenParts, signal: AbortSignal): Promise<void> {
    const { config, log } = this.parts
    const settings = stateSettings(config, log)
    const { state, checkpoints } = await openInstanceState(settings)
    opened.add(checkpoints)
    opened.add(state)
    opened.add(this.events)
    await this.events.open()
    const waiting = opened.add(await openWaitingStore(settings))
    opened.add(this.letters)
    const deadLetters = await this.letters.open()
    this.brokers = opened.add(await openBrokers(config, this.parts))
    const found = { ...this.parts, sources: this.sources, state, checkpoints, deadLetters, stats: this.counters }
    const deps = { ...found, outboxWork: outboxWork(config.outboxes, opened, found) }
    const loaded = await loadSources(deps, signal)
    if (loaded === 'stopped') return
    const entries = await openSources(loaded, deps, {
      ruleSet: () => this.ruleSet,
      position: (source) => this.flow?.position(source) ?? null,
    })
    this.flow = this.createFlow(entries, loaded.epoch, deadLetters, waiting)
    this.events.start()
    signal.addEventListener('abort', () => this.events.stop(), { once: true })
    await this.flow.run(signal)
  }

  /** One after the other: files that are slow to read must not undo what was given after them. */
  reload(rules: RulesInput): Promise<void> {
    const reloading = this.reloaded.then(() => this.reloadNow(rules))
    this.reloaded = reloading.catch(() => undefined)
    return reloading
  }

  private async reloadNow(rules: RulesInput): Promise<void> {
    const loaded = await readRules(rules, this.parts.compile)
    warnOf(loaded, this.parts.log)
    this.ruleSet = loaded.ruleSet
    this.flow?.reload(loaded.ruleSet)
  }

  async publish(event: EventToPublish, options: PublishOptions = {}): Promise<PublishedEvent> {
    const [posted] = await this.events.publish([event], options)
    return posted!
  }

  publishBatch(events: readonly EventToPublish[], options: PublishOptions = {}): Promise<readonly PublishedEvent[]> {
    return this.events.publish(events, options)
  }

  private get sources(): readonly NamedSource[] {
    return [...this.parts.sources, ...this.events.sources, ...(this.brokers?.sources ?? [])]
  }

  dropTarget(target: string): DropResult {
    return this.flow?.dropTarget(target) ?? 'unknown'
  }

  deadLetters(filter: DeadLetterFilter = {}): AsyncIterable<DeadLetter> {
    return this.letters.list(filter)
  }

  redeliver(
    filter: DeadLetterFilter = {},
    signal: AbortSignal = new AbortController().signal,
  ): Promise<RedeliveryResult> {
    return this.letters.redeliver(this.ruleSet, filter, signal)
  }

  stats(): PipelineStats {
    const sources = this.sources.map((source) => {
      const { name } = source
      const position = this.flow?.position(name) ?? null
      // A place in a binlog is written down with its server, which is known once a connection stands.
      const print = (place: object): string =>
        'custom' in source ? source.custom.positions.print(place) : JSON.stringify(place)
      const caughtUp = this.counters.sources.get(name)?.caughtUp ?? false
      const gaps = this.flow?.gaps(name).total ?? 0
      return [name, { position: position && print(position), caughtUp, gaps }] as const
    })
    return snapshotOf(this.counters, Object.fromEntries(sources))
  }

  private createFlow(
    entries: readonly SourceEntry<object>[],
    epoch: number,
    deadLetters: DeadLetterStore,
    waiting: WaitingStore,
  ): Flow {
    const { config, log, clock } = this.parts
    const deps = { log, clock, stats: this.counters }
    return createFlow(
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
        ruleSet: this.ruleSet,
        sources: entries,
        waiting,
        deliveries: (run, hooks) => {
          const openTarget = (target: TargetConfig): Promise<Target> => this.openTarget(target, run, this.events.sink)
          return new TargetQueues(
            { ...deps, lanes: config.lanes, spool: config.spool, logSends: null, deadLetters, openTarget },
            hooks,
          )
        },
        lookups: lookupsOf(lookupSource(this.parts.sources), 'wait', deps),
        compileRowDecoder,
        compileRowImages,
      },
    )
  }

  private openTarget(target: TargetConfig, run: DeliveryRun, events: EventSink | undefined): Promise<Target> {
    const { types, log, clock } = this.parts
    const context = { log: log.child({ target: target.id }), now: () => clock.now(), run, events }
    return targetTypeOf(target.type, types)!.open(target, context)
  }
}
