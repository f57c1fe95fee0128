import type { RunningEvents } from '../app/events/open-events.ts'
import type { RedeliveryResult } from '../app/library/contract.ts'
import { LibraryPipeline } from '../app/library/create-pipeline.ts'
import type { EventToPublish, PublishedEvent } from '../events/to-publish.ts'
import type { DeadLetter, DeadLetterFilter } from '../model/delivery/dead-letter.ts'
import { DEFAULT_ENVIRONMENT } from '../model/event/posted/posted-event.ts'
import type { Sendable } from '../model/rule/action.ts'
import { Backlog } from './backlog.ts'
import type {
  AnyEvents,
  Broker,
  BrokerEvent,
  BrokerOptions,
  BrokerStats,
  Handler,
  PublishBatchOptions,
  PublishEventOptions,
  StartOptions,
  StopResult,
  SubscriptionOptions,
} from './contract.ts'
import { notStarted, startedAlready, stopped } from './errors.ts'
import { HandlerScope } from './handler-scope.ts'
import { brokerPipeline } from './pipeline.ts'
import { leftOf } from './left.ts'
import { settingsOf, type BrokerSettings } from './options.ts'
import { Publishing } from './publishing.ts'
import { stopOn } from './stop-on.ts'
import { Subscriptions } from './subscriptions.ts'
import { Waiters } from './waiters.ts'

/**
 * Makes a broker: a pipeline whose rules are subscriptions. Nothing is opened before `start`. Throws BINGO_BROKER_OPTION, or
 * the error of an address.
 */
export function createBroker<Events extends object = AnyEvents>(options: BrokerOptions = {}): Broker<Events> {
  return new EventBroker(settingsOf(options)) as unknown as Broker<Events>
}

class EventBroker implements Broker {
  private readonly settings: BrokerSettings
  private readonly subscriptions: Subscriptions
  private readonly backlog: Backlog
  private readonly waiters: Waiters
  private readonly scope = new HandlerScope()
  private readonly publishing: Publishing
  private readonly pipeline: LibraryPipeline
  private readonly halt = new AbortController()
  private readonly counters = { completedTotal: 0, failedTotal: 0, failedAttemptsTotal: 0 }
  private state: BrokerStats['state'] = 'created'
  private events: RunningEvents | null = null
  private opened = Promise.withResolvers<RunningEvents>()
  private running: Promise<void> = Promise.resolve()
  private stopping: Promise<StopResult> | null = null
  private result: StopResult = { left: 0, events: [] }
  private stopListening: () => void = () => undefined
  /** Subscriptions are in force. */
  private applied: Promise<void> = Promise.resolve()

  constructor(settings: BrokerSettings) {
    const { clock, buffer } = settings
    this.settings = settings
    this.subscriptions = new Subscriptions(settings)
    this.backlog = new Backlog(buffer)
    this.waiters = new Waiters(clock, async (id) => {
      return (await this.events?.provider.get({ environment: DEFAULT_ENVIRONMENT, id })) ?? null
    })
    const { scope, backlog, waiters } = this
    this.publishing = new Publishing({
      settings,
      scope,
      backlog,
      waiters,
      running: () => this.mustRun(),
      applied: () => this.applied,
    })
    this.opened.promise.catch(() => undefined)
    this.pipeline = this.createPipeline()
  }

  private createPipeline(): LibraryPipeline {
    const { subscriptions, scope, backlog, waiters, counters, settings } = this
    const skipped = new WeakSet<Sendable>()
    const { workers, timeoutMs, clock } = settings
    return brokerPipeline(
      settings,
      {
        subscriptions,
        workers,
        timeoutMs,
        clock,
        scope,
        skipped,
        ended: ({ id }, subscription, error) => {
          if (error !== null) counters.failedAttemptsTotal += 1
          waiters.handled(id, subscription.id, error)
        },
      },
      {
        skipped,
        seen: ({ size }) => backlog.corrected(size),
        // Events that were due later did not come from `publish` just now.
        read: ({ envelope }) => envelope.deliverAt !== null && backlog.add(1),
        ended: ({ envelope: { id } }, how, error) => {
          if (how === 'completed') counters.completedTotal += 1
          if (how === 'failed') counters.failedTotal += 1
          backlog.leave(1)
          if (how !== 'waiting') waiters.ended(id, { status: how, error })
        },
        started: (events) => this.opened.resolve(events),
        closing: async (events) => {
          this.result = await leftOf(events, settings, backlog.pending)
        },
      },
    )
  }

  subscribe(pattern: string, handler: Handler<BrokerEvent>, options: SubscriptionOptions = {}): string {
    const { id } = this.subscriptions.add(pattern, handler, options)
    this.apply()
    return id
  }

  unsubscribe(id: string): boolean {
    if (!this.subscriptions.remove(id)) return false
    this.apply()
    return true
  }

  async start({ signal, signals = [] }: StartOptions = {}): Promise<void> {
    if (this.state !== 'created') throw startedAlready()
    this.state = 'starting'
    await this.applied
    this.running = this.pipeline.run(this.halt.signal)
    this.running.then(
      () => this.opened.reject(stopped()),
      (error: unknown) => this.broke(error),
    )
    try {
      this.events = await this.opened.promise
      const { groups, count } = await this.events.provider.log.stats()
      this.backlog.add(groups.find(({ name }) => name === this.settings.name)?.pending ?? count)
    } catch (error) {
      await this.stop().catch(() => undefined)
      throw error
    }
    // A stop may have come meanwhile.
    if (this.stopping !== null) throw stopped()
    this.state = 'running'
    this.stopListening = stopOn(signal, signals, () => this.stop())
  }

  stop(): Promise<StopResult> {
    this.stopping ??= this.stopNow()
    return this.stopping
  }

  private async stopNow(): Promise<StopResult> {
    const { settings, backlog, halt, waiters, state } = this
    this.state = 'stopping'
    this.stopListening()
    backlog.close(stopped())
    try {
      // Events of a store that lasts are safe where they are.
      if (settings.isInMemory && state === 'running') await this.drained()
      halt.abort()
      await this.running
      return this.result
    } finally {
      waiters.close(stopped())
      this.events = null
      this.state = 'stopped'
    }
  }

  private async drained(): Promise<void> {
    const { clock, shutdownMs } = this.settings
    const waited = Promise.withResolvers<void>()
    const timer = clock.after(shutdownMs, waited.resolve)
    await Promise.race([this.backlog.empty(), waited.promise, this.running.catch(() => undefined)])
    timer.cancel()
  }

  /** The pipeline has ended by itself. */
  private broke(error: unknown): void {
    this.opened.reject(error)
    this.backlog.close(stopped(error))
    this.waiters.close(stopped(error))
    if (this.state === 'running') {
      const err = error instanceof Error ? error.message : String(error)
      this.settings.log.error({ code: 'BINGO_BROKER_STOPPED', err }, 'the broker has stopped')
    }
  }

  publish(type: string, payload: unknown, options?: PublishEventOptions): Promise<PublishedEvent> {
    return this.publishing.publish(type, payload, options)
  }

  publishAsync(type: string, payload: unknown, options?: PublishEventOptions): Promise<PublishedEvent> {
    return this.publishing.publishAsync(type, payload, options)
  }

  publishSync(type: string, payload: unknown, options?: PublishEventOptions): Promise<PublishedEvent> {
    return this.publishing.publishSync(type, payload, options)
  }

  publishBatch(events: readonly EventToPublish[], options?: PublishBatchOptions): Promise<readonly PublishedEvent[]> {
    return this.publishing.publishBatch(events, options)
  }

  private mustRun(): RunningEvents {
    const { state, events } = this
    if (state === 'created' || state === 'starting') throw notStarted()
    if (state !== 'running' || events === null) throw stopped()
    return events
  }

  stats(): BrokerStats {
    const { rules } = this.pipeline.stats()
    const subscriptions = this.subscriptions.all.map(({ id, pattern, group, rule }) => ({
      id,
      pattern,
      group,
      handledTotal: rules[rule]?.deliveredTotal ?? 0,
      deadLettersTotal: rules[rule]?.deadLettersTotal ?? 0,
    }))
    const { pending, waiting } = this.backlog
    const { publishedTotal } = this.publishing
    return { state: this.state, pending, waiting, publishedTotal, ...this.counters, subscriptions }
  }

  deadLetters(filter?: DeadLetterFilter): AsyncIterable<DeadLetter> {
    return this.pipeline.deadLetters(filter)
  }

  async redeliver(filter?: DeadLetterFilter, signal?: AbortSignal): Promise<RedeliveryResult> {
    await this.applied
    return this.pipeline.redeliver(filter, signal)
  }

  private apply(): void {
    const applied = this.pipeline.reload(this.subscriptions.rules())
    this.applied = applied
    // They were checked when they subscribed.
    applied.catch(() => undefined)
  }
}
