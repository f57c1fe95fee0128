import type { RunningEvents } from '../app/events/open-events.ts'
import { PROGRAM_SOURCE, type EventToPublish, type PublishedEvent } from '../events/to-publish.ts'
import { DEFAULT_ENVIRONMENT } from '../model/event/posted/posted-event.ts'
import { inProcess } from '../model/event/posted/posting.ts'
import { uuid7 } from '../model/event/posted/uuid7.ts'
import type { Backlog } from './backlog.ts'
import type { PublishBatchOptions, PublishEventOptions } from './contract.ts'
import { syncInHandler } from './errors.ts'
import type { HandlerScope } from './handler-scope.ts'
import type { BrokerSettings } from './options.ts'
import type { Waiters } from './waiters.ts'

export interface PublishingDeps {
  readonly settings: Pick<BrokerSettings, 'mode' | 'clock' | 'isOnServer'>
  readonly scope: HandlerScope
  readonly backlog: Backlog
  readonly waiters: Waiters
  /** Throws where the broker does not run. */
  readonly running: () => RunningEvents
  /** Resolves when the subscriptions that were made before are in force. */
  readonly applied: () => Promise<void>
}

/** The ways into a broker. */
export class Publishing {
  publishedTotal = 0
  private readonly deps: PublishingDeps

  constructor(deps: PublishingDeps) {
    this.deps = deps
  }

  private get waitsForHandlers(): boolean {
    const { settings, scope } = this.deps
    return settings.mode === 'sync' && !scope.isInside
  }

  publish(type: string, payload: unknown, options: PublishEventOptions = {}): Promise<PublishedEvent> {
    return this.waitsForHandlers ? this.publishSync(type, payload, options) : this.publishAsync(type, payload, options)
  }

  async publishAsync(type: string, payload: unknown, options: PublishEventOptions = {}): Promise<PublishedEvent> {
    const [posted] = await this.post([eventOf(type, payload, options)], options)
    return posted!
  }

  async publishSync(type: string, payload: unknown, options: PublishEventOptions = {}): Promise<PublishedEvent> {
    const [posted] = await this.postAndWait([eventOf(type, payload, options)], options)
    return posted!
  }

  publishBatch(
    events: readonly EventToPublish[],
    options: PublishBatchOptions = {},
  ): Promise<readonly PublishedEvent[]> {
    return this.waitsForHandlers ? this.postAndWait(events, options) : this.post(events, options)
  }

  private async postAndWait(
    events: readonly EventToPublish[],
    options: PublishBatchOptions,
  ): Promise<readonly PublishedEvent[]> {
    const { scope, settings, waiters } = this.deps
    if (scope.isInside) throw syncInHandler()
    const named = events.map((event) => ({ ...event, id: event.id ?? uuid7(settings.clock.now()) }))
    const waiting = named.map(({ id }) => waiters.add(id))
    try {
      const posted = await this.post(named, options)
      // On a server another broker of the name may handle it.
      const waits = posted.map(({ tag }, i) =>
        waiting[i]!.wait(settings.isOnServer || tag !== 'stored', options.signal),
      )
      const ends = await Promise.allSettled(waits)
      const errors = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []))
      if (errors.length === 1) throw errors[0]
      if (errors.length > 1) throw new AggregateError(errors, `${errors.length} of ${events.length} events failed`)
      return posted
    } finally {
      for (const each of waiting) each.drop()
    }
  }

  private async post(
    events: readonly EventToPublish[],
    { whenFull, signal, deliverAt, deliverAfter, onConflict }: PublishBatchOptions,
  ): Promise<readonly PublishedEvent[]> {
    const { scope, backlog, running, applied } = this.deps
    running()
    if (events.length === 0) return []
    await applied()
    await backlog.enter(events.length, { whenFull, signal })
    let counted = events.length
    try {
      // A stop may have begun while this waited for room.
      const { publisher } = running()
      const by = inProcess(DEFAULT_ENVIRONMENT, PROGRAM_SOURCE, scope.hops)
      const caused = events.map((event) => scope.caused(event))
      const posted = await publisher.publish({ events: caused, options: { deliverAt, deliverAfter, onConflict } }, by)
      counted -= posted.filter(({ tag, record }) => tag === 'stored' && record.deliverAt === null).length
      this.publishedTotal += posted.length
      return posted
    } finally {
      backlog.leave(counted)
    }
  }
}

function eventOf(type: string, payload: unknown, options: PublishEventOptions): EventToPublish {
  const {
    deliverAt: _at,
    deliverAfter: _after,
    onConflict: _conflict,
    whenFull: _full,
    signal: _signal,
    ...details
  } = options
  return { ...details, type, payload }
}
