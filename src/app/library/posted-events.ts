import {
  PROGRAM_SOURCE,
  type EventToPublish,
  type PublishedEvent,
  type PublishOptions,
} from '../../events/to-publish.ts'
import type { DeadLetter } from '../../model/delivery/dead-letter.ts'
import { BingoError } from '../../model/errors.ts'
import { inProcess } from '../../model/event/posted/posting.ts'
import type { EventSink } from '../../model/event/posted/event-sink.ts'
import type { EventSchemas } from '../../model/event/posted/event-schemas.ts'
import type { Stats } from '../../model/stats.ts'
import { EventCounters } from '../../model/event/posted/event-counters.ts'
import type { RunningEvents } from '../events/open-events.ts'
import { sourceState, type NamedSource } from '../open-sources.ts'
import { EVENTS_SOURCE } from '../config/sources.ts'
import type { LibraryParts } from './parts.ts'

/** The posted events of a pipeline, while it runs and when it does not. */
export class PipelineEvents {
  private readonly parts: LibraryParts
  private readonly schemas: () => EventSchemas | undefined
  private readonly counters = new EventCounters()
  private opened: RunningEvents | null = null
  private running: RunningEvents | null = null

  constructor(parts: LibraryParts, stats: Stats, schemas: () => EventSchemas | undefined) {
    this.parts = parts
    this.schemas = schemas
    if (parts.config.events === null) return
    stats.events = this.counters
    sourceState(stats, EVENTS_SOURCE)
  }

  /** What the pipeline reads; none where it takes no events, or before `open`. */
  get sources(): readonly NamedSource[] {
    return this.opened === null ? [] : [this.opened.source]
  }

  /** Takes what rules make, while it is open. */
  get sink(): EventSink | undefined {
    return this.opened?.sink
  }

  get live(): RunningEvents | null {
    return this.running
  }

  async open(): Promise<void> {
    this.opened = await this.openStore()
  }

  /** Events are taken from now on. */
  start(): void {
    this.running = this.opened
    if (this.opened === null) return
    this.opened.start()
    this.parts.eventHooks?.started?.(this.opened)
  }

  /** None are taken any more. */
  stop(): void {
    this.running = null
  }

  async close(): Promise<void> {
    const { opened } = this
    this.running = null
    this.opened = null
    if (opened === null) return
    try {
      await this.parts.eventHooks?.closing?.(opened)
    } finally {
      await opened.close()
    }
  }

  async publish(events: readonly EventToPublish[], options: PublishOptions): Promise<readonly PublishedEvent[]> {
    const { config } = this.parts
    const { name } = config
    if (config.events === null) {
      throw new BingoError('BINGO_EVENTS_OFF', `The pipeline "${name}" takes no events`, {
        hint: "Give createPipeline events: { store: 'file:PATH' }.",
      })
    }
    if (this.running === null) {
      throw new BingoError('BINGO_PIPELINE_NOT_RUNNING', `The pipeline "${name}" is not running: it takes no events`, {
        hint: 'Publish after `run` was called and its stores are open, and before its signal is aborted.',
        retryable: true,
      })
    }
    const by = inProcess(config.events.environments[0]!, PROGRAM_SOURCE)
    return this.running.publisher.publish({ events, options }, by)
  }

  /**
   * Where events can be stored for the time of a redelivery: those of the run, else a store of its own. None where a
   * store in memory would be forgotten again.
   */
  async borrow(): Promise<BorrowedEvents> {
    if (this.opened !== null) return new BorrowedEvents(this.opened, false)
    const isKept = this.parts.config.events !== null && this.parts.config.events.store !== 'memory:'
    return new BorrowedEvents(isKept ? await this.openStore() : null, true)
  }

  private async openStore(): Promise<RunningEvents | null> {
    const { config, log, clock, eventHooks } = this.parts
    const { name } = config
    if (config.events === null) return null
    const { counters, schemas } = this
    // What a pipeline without posted events does not need is not loaded there.
    const { openEvents } = await import('../events/open-events.ts')
    return openEvents({ name, config: config.events, counters, schemas, log, clock, skipped: NONE, ...eventHooks })
  }
}

const NONE = { has: () => false }

export class BorrowedEvents implements AsyncDisposable {
  private readonly events: RunningEvents | null
  private readonly isOwn: boolean

  constructor(events: RunningEvents | null, isOwn: boolean) {
    this.events = events
    this.isOwn = isOwn
  }

  get sink(): EventSink | undefined {
    return this.events?.sink
  }

  /** A dead letter of a posted event was delivered after all: the last one completes its event. */
  async redelivered({ event, ruleId, actionIndex }: DeadLetter, at: number): Promise<void> {
    if (event.op !== 'event' || this.events === null) return
    const { id, environment } = event.new as { readonly id: string; readonly environment: string }
    const outcome = { rule: ruleId, action: actionIndex, status: 'done' as const, at }
    await this.events.provider.progress([{ id, environment, at, retried: true, outcomes: [outcome] }])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isOwn) await this.events?.close()
  }
}
