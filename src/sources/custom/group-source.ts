import { setImmediate as nextTurn } from 'node:timers/promises'
import { orAborted } from '../../model/aborted.ts'
import { Change, type Transaction } from '../../model/event/change.ts'
import { BingoError } from '../../model/errors.ts'
import type { Intake } from '../../model/source/intake.ts'
import { SourceState } from '../../model/source/source-state.ts'
import { PauseReasons, type Positions, type Source } from '../../model/source/source.ts'
import type { RowChange } from './row-change.ts'

/** Changes that belong together: all of them are acted on, and the position moves behind all of them at once. */
export interface ChangeGroup<P extends object> {
  /** Stable over restarts, and unique in the source: events are called ID/0, ID/1 …, which targets know duplicates by. */
  readonly id: string
  /** When it happened, milliseconds since 1970. Default: now. */
  readonly at?: number | undefined
  /** May be empty: then the position moves. */
  readonly changes: readonly RowChange[]
  /** Where reading goes on behind the group. A new object for every group. */
  readonly end: P
}

export interface GroupSourceOptions<P extends object> {
  /** Unique among the sources of a pipeline: its position is stored under this name. */
  readonly name: string
  /**
   * Reads from behind `from`, null at the very first start. The source has ended when the iteration does. A pipeline that has
   * too much in flight asks for the next group later. What it throws ends the pipeline; a source that can reconnect does so
   * in here. When `signal` is aborted nobody waits for the next group any more.
   */
  read(from: P | null, signal: AbortSignal): AsyncIterable<ChangeGroup<P>> | Iterable<ChangeGroup<P>>
  /** How positions are written down. Default: as JSON. */
  readonly positions?: Positions<P> | undefined
  /** Everything up to here is finished, and will not be asked for again: acknowledge or clean up. Must not throw. */
  finished?(upTo: P): void
}

/**
 * A source from anything that can be iterated. Throws nothing: the name is checked when the pipeline is created, and a group
 * that cannot be used ends it with BINGO_GROUP_INVALID, before anything of the group is acted on.
 */
export function groupSource<P extends object>(options: GroupSourceOptions<P>): Source<P> {
  return new GroupSource(options)
}

/** An iteration that never waits must not keep everything else from running. */
const GROUPS_PER_TURN = 64
/** The last moment that can be written as a date, 9999-12-31. */
const LATEST_MS = 253_402_300_799_999

class GroupSource<P extends object> implements Source<P> {
  readonly name: string
  readonly positions: Positions<P>
  readonly state = new SourceState()
  private readonly options: GroupSourceOptions<P>
  private readonly pauses = new PauseReasons((paused) => this.onPause(paused))
  private resumed = Promise.withResolvers<void>()
  /** Of the group that was handed in last. */
  private last: { readonly id: string; readonly end: P } | null = null

  constructor(options: GroupSourceOptions<P>) {
    this.name = options.name
    this.options = options
    this.positions = options.positions ?? new JsonPositions<P>(options.name)
  }

  async run(into: Intake<P>, from: P | null, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const groups = iterate(this.options.read(from, signal))
    let ended = false
    this.last = null
    this.state.connected = true
    try {
      for (let count = 1; ; count += 1) {
        if (this.pauses.paused) await orAborted(this.resumed.promise, signal)
        if (signal.aborted) return
        const coming = Promise.resolve(groups.next())
        await orAborted(coming, signal)
        if (signal.aborted) return
        const next = await coming
        if (next.done === true) {
          ended = this.state.caughtUp = true
          return
        }
        this.check(next.value)
        take(next.value, into)
        if (count % GROUPS_PER_TURN === 0) await nextTurn()
      }
    } finally {
      this.state.connected = false
      // One that waits for something may never hear of it: it is told, and not waited for.
      if (!ended) void Promise.resolve(groups.return?.()).catch(() => undefined)
    }
  }

  pause(reason: object): void {
    this.pauses.pause(reason)
  }

  resume(reason: object): void {
    this.pauses.resume(reason)
  }

  /** Groups come with their tables whatever the rules are. */
  rulesChanged(): void {}

  finished(upTo: P): void {
    this.options.finished?.(upTo)
  }

  /** What would go wrong silently: duplicates that targets drop, and positions that are never stored. */
  private check(group: ChangeGroup<P>): void {
    const { id, at, changes, end } = group
    const { last } = this
    if (typeof id !== 'string' || id === '') throw this.invalid(group, '`id` is not a text', 'Give it a stable one.')
    if (id === last?.id) throw this.invalid(group, 'the group before it has the same `id`', 'Give each its own.')
    if (at !== undefined && !(at >= 0 && at <= LATEST_MS)) {
      throw this.invalid(group, '`at` is not a time', 'Give it in milliseconds since 1970, or leave it out.')
    }
    if (typeof end !== 'object' || end === null) {
      throw this.invalid(group, '`end` is not an object', 'As in end: { line: 5 }.')
    }
    if (end === last?.end) {
      throw this.invalid(group, '`end` is the object of the group before it', 'Make a new object for every group.')
    }
    if (!Array.isArray(changes) || !changes.every(isRowChange)) {
      throw this.invalid(group, '`changes` is not a list of row changes', 'Make them with rowChange.')
    }
    this.last = { id, end }
  }

  private invalid({ id }: ChangeGroup<P>, why: string, hint: string): BingoError {
    return new BingoError('BINGO_GROUP_INVALID', `The group "${id}" of the source "${this.name}" is refused: ${why}`, {
      hint,
    })
  }

  private onPause(paused: boolean): void {
    if (paused) this.resumed = Promise.withResolvers<void>()
    else this.resumed.resolve()
  }
}

function isRowChange(change: unknown): boolean {
  return typeof change === 'object' && change !== null && 'table' in change && 'op' in change && 'old' in change
}

function iterate<T>(items: AsyncIterable<T> | Iterable<T>): AsyncIterator<T> | Iterator<T> {
  return Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]()
}

function take<P extends object>({ id, at = Date.now(), changes, end }: ChangeGroup<P>, into: Intake<P>): void {
  const transaction: Transaction = {
    id,
    gtid: null,
    file: '',
    offset: 0,
    serverId: 0,
    timestampUs: Math.round(at * 1_000),
    query: null,
  }
  into.begin(transaction)
  changes.forEach((change, seq) => {
    into.event(new Change(change.table, change.op, transaction, seq, change.old, change.new, null))
  })
  into.commit(end)
}

class JsonPositions<P extends object> implements Positions<P> {
  private readonly source: string

  constructor(source: string) {
    this.source = source
  }

  print(position: P): string {
    return JSON.stringify(position)
  }

  parse(text: string): P {
    try {
      const position: unknown = JSON.parse(text)
      if (typeof position === 'object' && position !== null) return position as P
    } catch {
      // Reported below like any other text that is not a position.
    }
    throw new BingoError('BINGO_CHECKPOINT_CORRUPT', `The stored position of the source "${this.source}" is not JSON`, {
      hint: 'Give the source the `positions` that it was stored with, or another `name` to begin anew.',
    })
  }
}
