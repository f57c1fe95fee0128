import { Change, type ChangeEvent, type Transaction } from '../../model/event/change.ts'
import { silentLog } from '../../model/silent-log.ts'
import { BingoError } from '../../model/errors.ts'
import type { Clock } from '../../model/clock.ts'
import type { RowsBlock, TransactionHandler } from '../../model/source/binlog-stream.ts'
import { SourceState } from '../../model/source/source-state.ts'
import { createStats } from '../../model/stats.ts'
import type { TableDef } from '../../model/table/table.ts'
import { compileRowDecoder } from './binlog/rows/row-decoder.ts'
import { MysqlSource } from './mysql-source.ts'
import type { SourceSettings } from './options.ts'

/** Rows of one transaction that are kept: neighbours are mostly asked for next. */
const MOST_ROWS = 10_000
/** An event lies in the transaction at its position; that of an XA transaction may lie a little behind. */
const MOST_TRANSACTIONS = 50
const DEADLINE_MS = 30_000

export interface ChangeFinderOptions {
  readonly replicaName: string
  readonly source: SourceSettings
  /** As in MysqlSourceOptions. */
  readonly idPrefix: string | undefined
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** Reads single changes again, with all their columns, from the binlog of the server that they came from. */
export class ChangeFinder {
  private readonly options: ChangeFinderOptions
  /** Rows of the table and transaction that were read last, by ordinal. */
  private last: { readonly of: string; readonly rows: ReadonlyMap<number, Change> } = { of: '', rows: new Map() }

  private before: Promise<unknown> = Promise.resolve()

  constructor(options: ChangeFinderOptions) {
    this.options = options
  }

  /** Rejects with BINGO_EVENT_PURGED when it is not there any more, and as the source does when it cannot be asked. */
  find(event: ChangeEvent): Promise<Change> {
    // One after the other: a server ends the older of two streams to one replica, and neighbours are found in one go.
    const found = this.before.then(() => this.findNow(event))
    this.before = found.catch(() => undefined)
    return found
  }

  private async findNow(event: ChangeEvent): Promise<Change> {
    const of = `${event.txId} ${event.schema}.${event.table}`
    let found = this.last.of === of ? this.last.rows.get(event.seq) : undefined
    if (found === undefined) {
      this.last = { of, rows: await this.read(event) }
      found = this.last.rows.get(event.seq)
    }
    if (found === undefined) throw purged(event, 'this place holds another transaction')
    return found
  }

  private async read(event: ChangeEvent): Promise<ReadonlyMap<number, Change>> {
    const { replicaName, source, idPrefix, clock, signal } = this.options
    const done = new AbortController()
    let late = false
    const deadline = clock.after(DEADLINE_MS, () => {
      late = true
      done.abort()
    })
    const rows = new FoundRows(event, () => done.abort())
    const start = { tag: 'file' as const, ...event.position }
    const stream = new MysqlSource(
      { name: 'reread', replicaName, idPrefix, source: { ...source, start, serverId: null, onGap: 'stop' } },
      // What is to be said of the server, the daemon says.
      { log: silentLog, clock, stats: createStats(1), state: new SourceState() },
      true,
    )
    try {
      await stream.stream(rows, {}, null, AbortSignal.any([signal, done.signal]))
    } catch (error) {
      if (error instanceof BingoError && GONE.has(error.code)) throw purged(event, error.message, error)
      throw error
    } finally {
      deadline.cancel()
    }
    if (late) throw purged(event, 'nothing was sent from this place')
    return rows.found
  }
}

/** What says that the place is not in the server's binlogs. */
const GONE: ReadonlySet<string> = new Set(['BINGO_SOURCE_GAP', 'BINGO_SOURCE_IMPOSSIBLE_POSITION'])

/** It is not where it was. */
export function purged(event: ChangeEvent, why: string, cause?: BingoError): BingoError {
  const { file, offset } = event.position
  return new BingoError(
    'BINGO_EVENT_PURGED',
    `the event at ${file}:${offset} is not in the binlog of the server any more: ${why}`,
    {
      hint: 'The dead letter has only the columns that its rule read when it was written. Change the rule to read only these (`bingo dead-letters show ID`), or drop the dead letter.',
      cause,
    },
  )
}

/** Keeps the rows of one table in one transaction, from one of them on. */
class FoundRows implements TransactionHandler {
  readonly found = new Map<number, Change>()
  private readonly event: ChangeEvent
  private readonly onEnd: () => void
  private transaction: Transaction | null = null
  private transactions = 0

  constructor(event: ChangeEvent, onEnd: () => void) {
    this.event = event
    this.onEnd = onEnd
  }

  wants({ schema, name }: TableDef): boolean {
    return schema === this.event.schema && name === this.event.table
  }

  begin(transaction: Transaction): void {
    this.transactions += 1
    this.transaction = transaction.id === this.event.txId ? transaction : null
    if (this.transactions > MOST_TRANSACTIONS) this.onEnd()
  }

  rows(block: RowsBlock): void {
    const { transaction, event } = this
    if (transaction === null || !this.wants(block.table)) return
    const { table, op } = block
    let seq = block.firstSeq
    decoderOf(block)(block.buffer, block.start, block.end, (old, new_) => {
      if (seq >= event.seq) this.found.set(seq, new Change(table, op, transaction, seq, old, new_, transaction.query))
      seq += 1
    })
    if (this.found.size >= MOST_ROWS) this.onEnd()
  }

  ddl(): void {
    // A statement is kept whole in its dead letter.
  }

  commit(): void {
    if (this.transaction !== null) this.onEnd()
  }

  rollback(): void {
    this.found.clear()
  }

  advance(): void {
    // Positions do not matter here.
  }
}

function decoderOf({
  table,
  op,
  presentOld,
  presentNew,
  partialJson,
}: RowsBlock): ReturnType<typeof compileRowDecoder> {
  return compileRowDecoder(table, { op, presentOld, presentNew, partialJson }, { old: 'all', new: 'all' })
}
