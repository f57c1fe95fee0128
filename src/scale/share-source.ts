import type { Clock } from '../model/clock.ts'
import { BingoError } from '../model/errors.ts'
import type { Change } from '../model/event/change.ts'
import { listOf, map, mapOf, number, optional, text } from '../model/json/shape.ts'
import { readStored } from '../model/json/stored.ts'
import type { Log } from '../model/rule/action.ts'
import type { SqlSession } from '../model/source/binlog-stream.ts'
import type { RowIntake } from '../model/source/intake.ts'
import { PauseGate } from '../model/source/pause-gate.ts'
import { SourceState } from '../model/source/source-state.ts'
import type { ChangeKind, Positions, Source } from '../model/source/source.ts'
import type { ChangeLog, ChangeLogEntry } from '../model/state/change-log.ts'
import { Reconnects } from '../sources/feed/reconnects.ts'
import { compareOrdinals, placeIn, type Frontiers, type Ordinal, ORDINAL, type SharePosition } from './contract.ts'
import { Meetings } from './meetings.ts'
import { requireOwn } from './owner.ts'
import { Pieces } from './pieces.ts'
import { parseRecord, type ScaleRecord } from './record.ts'
import type { Shapes } from './shapes.ts'
import { ShareWatch } from './share-watch.ts'

export interface ShareSourceOptions {
  readonly name: string
  readonly share: number
  /** Generation of the layout. */
  readonly layout: number
  /** Name of the instance that the log is of. */
  readonly instance: string
  readonly changes: ChangeLog
  readonly shapes: Shapes
  readonly frontiers: Frontiers
  readonly clock: Clock
  readonly log: Log
  /** Told once a second how many records of the share are not finished. */
  readonly seen?: ((behind: number) => void) | undefined
}

/** Between two looks at a share that has nothing new: it is looked at ever less often. */
const IDLE_MS = { least: 5, most: 100 }
const RECORDS_PER_TURN = 64

const POSITION = mapOf({
  place: text,
  ordinal: ORDINAL,
  layout: optional(number),
  meet: optional(listOf(number)),
  met: optional(mapOf({ op: text, table: map })),
})

type ChangeRecord = Extract<ScaleRecord, { readonly tag: 'change' }>

/**
 * The changes of one share, each a group of its own, as row events with the ids that the reader gave them. What came twice, or
 * from a reader that was replaced, is dropped by its ordinal. At a change whose order concerns several shares, each waits
 * until all have finished what came before, and goes on when all are done with it.
 */
export class ShareSource implements Source<SharePosition> {
  readonly name: string
  readonly positions: Positions<SharePosition>
  readonly state = new SourceState()
  private readonly options: ShareSourceOptions
  private readonly pauses = new PauseGate()
  private readonly reconnects: Reconnects
  private pieces = new Pieces()
  /** Of the record that was handed in last, or dropped. */
  private place: string | null = null
  private ordinal: Ordinal | null = null
  /** Handed in last, and the last that is finished and remembered. */
  private given: SharePosition | null = null
  private done: SharePosition | null = null
  /** Of the record behind it that was dropped last. */
  private dropped: string | null = null
  private readonly watch: ShareWatch
  private saveNow: () => Promise<unknown> = () => Promise.resolve()
  private holdsBack: (change: ChangeKind | null) => boolean = () => false
  private readonly meetings: Meetings

  constructor(options: ShareSourceOptions) {
    this.name = options.name
    this.options = options
    const { changes, clock, log, name } = options
    this.positions = {
      print: (position) => JSON.stringify(position),
      parse: (text) => parsePosition(text, name),
    }
    const what = { what: 'the log of changes', description: changes.description }
    this.watch = new ShareWatch(options)
    this.meetings = new Meetings({
      ...options,
      isDone: () => this.done === this.given,
      save: () => this.saveNow(),
      holdsBack: (change) => this.holdsBack(change),
    })
    this.reconnects = new Reconnects({ ...what, state: this.state, clock, log })
  }

  async run(into: RowIntake<SharePosition>, from: SharePosition | null, signal: AbortSignal): Promise<void> {
    this.given = this.done = from
    this.place = placeIn(this.options.layout, from)
    this.ordinal = from?.ordinal ?? null
    using _watching = this.watch.start(this.place)
    try {
      while (!signal.aborted) {
        try {
          await this.readOn(into, signal)
        } catch (error) {
          if (signal.aborted) return
          await this.reconnects.failed(error, signal)
          // What was read of a record in pieces is read again.
          this.pieces = new Pieces()
          this.place = placeIn(this.options.layout, this.given)
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

  /** Changes come with their tables whatever the rules are. */
  rulesChanged(): void {}

  saves(now: () => Promise<unknown>): void {
    this.saveNow = now
  }

  spools(holdsBack: (change: ChangeKind | null) => boolean): void {
    this.holdsBack = holdsBack
  }

  finished(upTo: SharePosition): void {
    this.done = upTo
    this.watch.finished(upTo.place)
    if (upTo === this.given && this.dropped !== null) this.watch.passed(this.dropped)
  }

  private async readOn(into: RowIntake<SharePosition>, signal: AbortSignal): Promise<void> {
    const { changes, share, clock } = this.options
    // Of the run before. Where that was of another layout, one process has done what it met at.
    let begun = this.place === null ? null : this.given
    let idleMs = IDLE_MS.least
    for (let count = 0; !signal.aborted;) {
      const entries = await changes.read(share, this.place)
      this.reconnects.connected()
      this.state.lastReceivedAt = clock.now()
      this.state.caughtUp = entries.length === 0
      if (begun?.meet != null) {
        // Behind the first look at the log: what waits in the store stays there as long as nobody knows how far it reaches.
        const { ordinal, meet, met = null } = begun
        await this.meetings.part({ ordinal, shares: meet, change: met }, signal)
        begun = null
      }
      if (entries.length === 0) {
        await clock.sleep(idleMs, signal)
        idleMs = Math.min(IDLE_MS.most, idleMs * 2)
        continue
      }
      idleMs = IDLE_MS.least
      for (const entry of entries) {
        if (this.pauses.paused) await this.pauses.opened(signal)
        if (signal.aborted) return
        await this.take(entry, into, signal)
        if (++count % RECORDS_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve))
      }
    }
  }

  private async take({ place, body }: ChangeLogEntry, into: RowIntake<SharePosition>, signal: AbortSignal) {
    const text = this.pieces.add(body)
    this.place = place
    if (text === null) return
    const record = this.written<ScaleRecord>(place, () => parseRecord(text))
    if (record === null) return
    // Before ordinals are compared: those of two instances have nothing to do with each other.
    requireOwn(record, this.options.instance, this.options.changes.description)
    if (this.ordinal !== null && compareOrdinals(record.ordinal, this.ordinal) <= 0) {
      this.dropped = place
      if (this.done === this.given) this.watch.passed(place)
      return
    }
    const { layout } = this.options
    const position: SharePosition = { place, ordinal: record.ordinal, ...(layout > 0 && { layout }) }
    if (record.tag === 'change') {
      await this.change(record, position, into, signal)
    } else {
      this.give(position)
      into.advance(position)
      // Whoever waits for something that this share was never given need not wait any more.
      if (record.tag === 'hello') await this.meetings.arrive(record.ordinal, signal)
    }
  }

  /** What a reader wrote; null, with a line of the log, for what another program did. */
  private written<T>(place: string, read: () => T): T | null {
    const { changes, share, log } = this.options
    try {
      return read()
    } catch {
      const fields = { code: 'BINGO_SCALE_RECORD_INVALID', log: changes.description, share, place }
      log.error(fields, 'an entry of the log of changes was not written by a reader, and is skipped')
      return null
    }
  }

  private async change(
    { ordinal, shape, meet, change }: ChangeRecord,
    at: SharePosition,
    into: RowIntake<SharePosition>,
    signal: AbortSignal,
  ): Promise<void> {
    const table = await this.options.shapes.table(shape)
    const row = this.written(at.place, () => change(table))
    if (row === null) return
    const met = meet === null ? null : { ordinal, shares: meet, change: row }
    if (met !== null && !(await this.meetings.come(met, signal))) {
      const { log, share } = this.options
      log.info(
        { share, place: at.place },
        'what follows here was not appended to all shares: the next reader appends it again',
      )
      this.ordinal = { ...ordinal, number: Number.MAX_SAFE_INTEGER }
      return
    }
    const position = meet === null ? at : { ...at, meet, met: kindOf(row) }
    this.give(position)
    into.begin(row.transaction)
    if (row.op === 'truncate' || row.op === 'ddl') {
      const { schema, name } = row.table
      const tables = name === '' ? [] : [{ schema, table: name }]
      void into.ddl({ kind: row.op, schema, tables, sql: row.query ?? '', session: NO_SESSION }, row.seq)
    } else {
      into.event(row)
    }
    into.commit(position)
    if (met !== null) await this.meetings.part(met, signal)
  }

  /** From now on it is known, whatever fails behind it: the same may stand in the log once more. */
  private give(position: SharePosition): void {
    this.given = position
    this.dropped = null
    this.ordinal = position.ordinal
  }
}

function kindOf({ op, table: { schema, name } }: Change): ChangeKind {
  return { op, table: { schema, name } }
}

/** The statement was read where it was logged. */
const NO_SESSION: SqlSession = {
  ansiQuotes: false,
  backslashEscapes: true,
  mariadbComments: false,
  foldNames: false,
}

export function parsePosition(stored: string, source: string): SharePosition {
  const { place, ordinal, layout, meet, met } = readStored<SharePosition>(stored, POSITION, (fault) => {
    const message = `The stored position of the share "${source}" cannot be read: ${fault}`
    return new BingoError('BINGO_CHECKPOINT_CORRUPT', message, {
      hint: 'Restore the state store from a backup, or delete the checkpoint of the share: it is read from its beginning then.',
    })
  })
  return { place, ordinal, layout, meet, met }
}
