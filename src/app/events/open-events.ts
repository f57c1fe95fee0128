import { hostname } from 'node:os'
import { DueTimer } from '../../events/due-timer.ts'
import type { Events } from '../../events/contract.ts'
import { Publisher } from '../../events/publisher.ts'
import { StatusProjection, type StatusProjectionDeps } from '../../events/status-projection.ts'
import { openEventProvider } from '../../log/open.ts'
import type { Clock, Timer } from '../../model/clock.ts'
import { BingoError } from '../../model/errors.ts'
import type { EventCounters } from '../../model/event/posted/event-counters.ts'
import type { EventSchemas } from '../../model/event/posted/event-schemas.ts'
import type { EventSink } from '../../model/event/posted/event-sink.ts'
import type { Log, Sendable } from '../../model/rule/action.ts'
import type { EventProvider } from '../../model/state/event-provider.ts'
import { withDeadline } from '../../model/with-deadline.ts'
import type { PostedEvent } from '../../model/event/posted/posted-event.ts'
import { LogSource, type EventStatuses } from '../../sources/log/log-source.ts'
import type { EventsConfig } from '../config/config.ts'
import { EVENTS_SOURCE } from '../config/sources.ts'
import type { NamedSource } from '../open-sources.ts'

export interface OpenEventsDeps {
  /** Of the instance. */
  readonly name: string
  readonly config: EventsConfig
  readonly counters: EventCounters
  /** Sends that were skipped, since their rule is disabled. */
  readonly skipped: { has(job: Sendable): boolean }
  /** Of the rules in force. */
  readonly schemas: () => EventSchemas | undefined
  readonly log: Log
  readonly clock: Clock
  /** Under which name the log is read: readers of one name share what is in it. Default: that of the rules. */
  readonly group?: string | undefined
  /** Called when an event is about to be matched. */
  readonly read?: ((event: PostedEvent) => void) | undefined
  /** As in StatusProjectionDeps. */
  readonly ended?: StatusProjectionDeps['ended']
  /** Called once a second with how much is not finished. */
  readonly seen?: ((queue: { readonly size: number }) => void) | undefined
  readonly bounds?: { readonly maxEvents?: number | undefined } | undefined
}

/** Who reads the log for the rules of an instance. */
const GROUP = 'rules'
const EXPIRE_EVERY_MS = 600_000
const CLOSE_MS = 5_000

/** Posted events of a running instance: where they are kept, taken in, and read. */
export interface RunningEvents extends Events {
  readonly source: NamedSource
  /** All that the store can. */
  readonly provider: EventProvider
  /** Events enter the log at their time, from now on. */
  start(): void
  /** What became of events so far is written. */
  flush(): Promise<void>
  close(): Promise<void>
}

/** Nothing is read yet. Rejects with BINGO_EVENTS_STORE_INVALID. */
export async function openEvents(deps: OpenEventsDeps): Promise<RunningEvents> {
  const { name, config, clock } = deps
  const { store, index, retentionMs: idRetentionMs } = config
  const options = { name, idRetentionMs, clock, log: deps.log, index: index ?? undefined, ...deps.bounds }
  const provider = await openEventProvider(store, options)
  return new OpenEvents(provider, deps)
}

class OpenEvents implements RunningEvents {
  readonly provider: EventProvider
  readonly publisher: Publisher
  readonly sink: EventSink
  readonly source: NamedSource
  private readonly reader: LogSource
  private readonly deps: OpenEventsDeps
  private readonly status: StatusProjection
  private readonly due: DueTimer
  private expiry: Timer | null = null

  constructor(provider: EventProvider, deps: OpenEventsDeps) {
    const { config, counters, clock, log, skipped } = deps
    this.deps = deps
    this.provider = provider
    this.due = new DueTimer({ provider, clock, log })
    this.publisher = new Publisher({
      provider,
      limits: config.limits,
      instanceId: hostname(),
      clock,
      counters,
      schemas: deps.schemas,
      stored: (posted) => {
        for (const { record } of posted) if (record.deliverAt !== null) this.due.waitsFor(record.deliverAt)
      },
    })
    this.sink = this.publisher.sink
    this.status = new StatusProjection({ provider, counters, clock, log, skipped, ended: deps.ended })
    this.reader = new LogSource({
      name: EVENTS_SOURCE,
      provider,
      group: deps.group ?? GROUP,
      clock,
      log,
      status: this.statuses(),
      seen: (queue) => {
        counters.queue = queue
        deps.seen?.(queue)
      },
    })
    this.status.follows(this.reader)
    this.source = { name: EVENTS_SOURCE, custom: this.reader, observer: this.status }
  }

  /** What the reader of the log tells of each event. */
  private statuses(): EventStatuses {
    const { status } = this
    const { read } = this.deps
    if (read === undefined) return status
    return {
      reads: (event) => {
        read(event)
        status.reads(event)
      },
      hasRead: (event) => status.hasRead(event),
      flushEnded: () => status.flushEnded(),
    }
  }

  start(): void {
    this.due.start()
    this.expiry = this.deps.clock.every(EXPIRE_EVERY_MS, () => void this.expire())
  }

  flush(): Promise<void> {
    return this.status.flush()
  }

  async close(): Promise<void> {
    this.due.close()
    this.expiry?.cancel()
    await this.status.close()
    // Where the next start begins: what is acknowledged too late is read, and done, again.
    await withDeadline(this.reader.settled(), CLOSE_MS).catch(() => undefined)
    await this.provider.close()
  }

  private async expire(): Promise<void> {
    const { clock, config, log } = this.deps
    try {
      const removed = await this.provider.expire(clock.now() - config.retentionMs)
      if (removed > 0) log.debug({ events: removed }, 'events were removed after their retention')
    } catch (error) {
      const code = error instanceof BingoError ? error.code : 'BINGO_INTERNAL'
      log.warn({ code, err: (error as Error).message }, 'old events cannot be removed')
    }
  }
}
