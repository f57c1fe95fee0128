import type { Clock } from '../../model/clock.ts'
import type { Log } from '../../model/rule/action.ts'
import { BingoError } from '../../model/errors.ts'
import type { Transaction } from '../../model/event/change.ts'
import { decodeEnvelope } from '../../model/event/forms/event-codec.ts'
import { PostedEvent } from '../../model/event/posted/posted-event.ts'
import type { Intake } from '../../model/source/intake.ts'
import { PauseGate } from '../../model/source/pause-gate.ts'
import { SourceState } from '../../model/source/source-state.ts'
import type { Positions, Source } from '../../model/source/source.ts'
import type { LogEntry, Place, ReadOptions } from '../../model/state/event-log.ts'
import type { EventProvider } from '../../model/state/event-provider.ts'
import { InFlight } from '../../model/in-flight.ts'
import { Reconnects } from '../feed/reconnects.ts'
import { PlacesInFlight } from './places-in-flight.ts'

/** Behind which entry reading goes on. */
export interface LogPosition {
  readonly place: Place
}

export interface LogSourceOptions {
  /** Unique among the sources of an instance. */
  readonly name: string
  readonly provider: Pick<EventProvider, 'log' | 'description'>
  /** Whoever reads the log under one name shares what is acknowledged. */
  readonly group: string
  readonly clock: Clock
  readonly log: Log
  readonly status?: EventStatuses | undefined
  /** Told once a second how much is not finished. */
  readonly seen?: ((queue: { readonly size: number; readonly oldestAt: number | null }) => void) | undefined
}

/** Keeps what became of each event. */
export interface EventStatuses {
  /** The event is about to be matched. */
  reads(event: PostedEvent): void
  /** All rules have seen it. */
  hasRead(event: PostedEvent): void
  /** Resolves when what has become of events that have ended is written. */
  flushEnded(): Promise<void>
}

/** A log whose entries are all at hand must not keep everything else from running. */
const ENTRIES_PER_TURN = 64
const WATCH_MS = 1_000
/** What an event holds in memory while its actions run, per byte of its JSON. */
const HELD_PER_BYTE = 3

/**
 * Hands the entries of an event log to the rules, each a group of its own: the watermark moves entry by entry. What the
 * log knows as acknowledged is where a restart resumes, so that a log that was replaced is read from its beginning; an
 * entry is acknowledged once the checkpoint behind it is durable (invariants 1 and 4).
 */
export class LogSource implements Source<LogPosition> {
  readonly name: string
  readonly positions: Positions<LogPosition> = {
    print: ({ place }) => place,
    parse: (place) => ({ place }),
  }
  readonly state = new SourceState()
  private readonly options: LogSourceOptions
  private readonly pauses = new PauseGate()
  private readonly inFlight = new PlacesInFlight()
  private readonly acknowledging = new InFlight()
  private readonly reconnects: Reconnects

  constructor(options: LogSourceOptions) {
    this.name = options.name
    this.options = options
    const { provider, clock, log } = options
    const what = { what: 'the event log', description: provider.description }
    this.reconnects = new Reconnects({ ...what, state: this.state, clock, log })
  }

  async run(into: Intake<LogPosition>, _from: LogPosition | null, signal: AbortSignal): Promise<void> {
    const { clock } = this.options
    const watch = clock.every(WATCH_MS, () => void this.look())
    try {
      while (!signal.aborted) {
        try {
          await this.readOn(into, signal)
          if (!signal.aborted) throw ended(this.options.provider.description)
        } catch (error) {
          await this.reconnects.failed(error, signal)
        }
      }
    } finally {
      watch.cancel()
      this.state.connected = false
    }
  }

  pause(reason: object): void {
    this.pauses.pause(reason)
  }

  resume(reason: object): void {
    this.pauses.resume(reason)
  }

  /** Entries come whatever the rules are: an event that no rule matches is completed. */
  rulesChanged(): void {}

  finished({ place }: LogPosition): void {
    const places = this.inFlight.upTo(place)
    if (places.length === 0) return
    void this.acknowledging.add(this.acknowledge(places))
  }

  /** Resolves when everything that is finished was acknowledged, or could not be. */
  settled(): Promise<void> {
    return this.acknowledging.ended()
  }

  private async readOn(into: Intake<LogPosition>, signal: AbortSignal): Promise<void> {
    const { provider, group } = this.options
    await provider.log.stats()
    this.reconnects.connected()
    let count = 0
    // Those that are in flight are not acknowledged: reading begins behind them.
    for await (const page of pagesOf(provider.log, this.inFlight.newest, { group, signal })) {
      // One behind the other in one turn: targets send together what comes together.
      for (const entry of page) {
        if (this.pauses.paused) await this.pauses.opened(signal)
        if (signal.aborted) return
        this.take(entry, into)
        if (++count % ENTRIES_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve))
      }
    }
  }

  private take(entry: LogEntry, into: Intake<LogPosition>): void {
    const { status } = this.options
    const event = entry.event ?? decodeEnvelope(entry.payload)
    const transaction: Transaction = {
      id: event.id,
      gtid: null,
      file: '',
      offset: 0,
      serverId: 0,
      timestampUs: entry.appendedAt * 1_000,
      query: null,
    }
    this.inFlight.add(entry.place, entry.appendedAt)
    const posted = new PostedEvent(event, transaction, 0, entry.payload.byteLength * HELD_PER_BYTE)
    status?.reads(posted)
    into.begin(transaction)
    into.event(posted)
    into.commit({ place: entry.place })
    status?.hasRead(posted)
  }

  private async acknowledge(places: readonly Place[]): Promise<void> {
    const { provider, group, log, status } = this.options
    try {
      // An event that is acknowledged and has no end would be kept for ever.
      await status?.flushEnded()
      await provider.log.ack(group, places)
    } catch (error) {
      const { code, err } = described(error)
      // They are acknowledged with the next ones, or read again after a restart (invariant 5); or another instance reads
      // them now, and acknowledges them itself.
      if (code !== 'BINGO_LOG_GROUP_BUSY') this.inFlight.putBack(places)
      log.warn({ log: provider.description, code, err, entries: places.length }, 'acknowledging posted events failed')
    }
  }

  private async look(): Promise<void> {
    const { provider, group } = this.options
    const stats = await provider.log.stats().catch(() => null)
    if (stats === null) return
    const { pending, unread } = stats.groups.find(({ name }) => name === group) ?? { pending: stats.count }
    // What other instances have in flight is pending, too.
    this.state.caughtUp = unread === undefined ? pending <= this.inFlight.size : unread === 0
    this.options.seen?.({ size: pending, oldestAt: this.inFlight.oldestAt })
  }
}

function pagesOf(
  log: EventProvider['log'],
  from: Place | null,
  options: ReadOptions,
): AsyncIterable<readonly LogEntry[]> {
  return log.readPages?.(from, options) ?? singly(log.read(from, options))
}

async function* singly(entries: AsyncIterable<LogEntry>): AsyncIterable<readonly LogEntry[]> {
  for await (const entry of entries) yield [entry]
}

function described(error: unknown): { readonly code: string; readonly err: string } {
  const code = error instanceof BingoError ? error.code : 'BINGO_LOG_UNREACHABLE'
  return { code, err: error instanceof Error ? error.message : String(error) }
}

function ended(description: string): BingoError {
  return new BingoError('BINGO_LOG_UNREACHABLE', `The event log ${description} stopped answering`, { retryable: true })
}
