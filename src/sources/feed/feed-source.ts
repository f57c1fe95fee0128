import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../../model/clock.ts'
import { BingoError } from '../../model/errors.ts'
import type { Transaction } from '../../model/event/change.ts'
import type { Log } from '../../model/rule/action.ts'
import type { Intake } from '../../model/source/intake.ts'
import { PauseGate } from '../../model/source/pause-gate.ts'
import { SourceState } from '../../model/source/source-state.ts'
import type { Positions, Source } from '../../model/source/source.ts'
import { Reconnects } from './reconnects.ts'
import type { Feed, FeedGroup } from './feed.ts'

export interface FeedSourceOptions<P extends object> {
  /** Unique among the sources of an instance. */
  readonly name: string
  /** What is read, for people: "the event store". */
  readonly what: string
  readonly feed: Feed<P>
  readonly positions: Positions<P>
  readonly clock: Clock
  readonly log: Log
}

/** A feed whose events are all at hand must not keep everything else from running. */
const GROUPS_PER_TURN = 64

/** Hands the events of a feed to the rules, and reads on behind what it has handed in. */
export class FeedSource<P extends object> implements Source<P> {
  readonly name: string
  readonly positions: Positions<P>
  readonly state = new SourceState()
  private readonly options: FeedSourceOptions<P>
  private readonly reconnects: Reconnects
  private readonly pauses = new PauseGate()

  constructor(options: FeedSourceOptions<P>) {
    const { name, positions, what, feed, clock, log } = options
    this.name = name
    this.positions = positions
    this.options = options
    this.reconnects = new Reconnects({ what, description: feed.description, state: this.state, clock, log })
  }

  async run(into: Intake<P>, from: P | null, signal: AbortSignal): Promise<void> {
    const { feed, what } = this.options
    let position = from
    try {
      while (!signal.aborted) {
        try {
          if (position === null) into.started((position = await feed.begin()))
          for await (const group of feed.read(position, signal, () => this.isRead(true))) {
            this.isRead(false)
            if (this.pauses.paused) await this.pauses.opened(signal)
            if (signal.aborted) return
            this.take(group, into)
            position = group.end
            if (this.state.groups % GROUPS_PER_TURN === 0) await nextTurn()
          }
          if (!signal.aborted) throw ended(what, feed.description)
        } catch (error) {
          await this.reconnects.failed(error, signal)
        }
      }
    } finally {
      this.state.connected = false
    }
  }

  pause(reason: object): void {
    this.pauses.pause(reason)
  }

  resume(reason: object): void {
    this.pauses.resume(reason)
  }

  /** Events come whatever the rules are: one that no rule matches is done. */
  rulesChanged(): void {}

  finished(upTo: P): void {
    this.options.feed.finished?.(upTo)
  }

  private isRead(all: boolean): void {
    if (!this.state.connected) this.reconnects.connected()
    this.state.caughtUp = all
  }

  private take(group: FeedGroup<P>, into: Intake<P>): void {
    const { id, at, end } = group
    const timestampUs = at * 1_000
    const transaction: Transaction = { id, gtid: null, file: '', offset: 0, serverId: 0, timestampUs, query: null }
    into.begin(transaction)
    for (const change of group.changes(transaction)) into.event(change)
    into.commit(end)
  }
}

function ended(what: string, description: string): BingoError {
  return new BingoError('BINGO_FEED_ENDED', `Reading ${what} ${description} ended`, { retryable: true })
}
