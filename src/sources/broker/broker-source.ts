import { setImmediate as nextTurn } from 'node:timers/promises'
import { orAborted } from '../../model/aborted.ts'
import type { Clock } from '../../model/clock.ts'
import { EvaluationError } from '../../model/errors.ts'
import type { Change, Transaction } from '../../model/event/change.ts'
import { PostedEvent } from '../../model/event/posted/posted-event.ts'
import { SizedChange } from '../../model/event/sized-change.ts'
import type { Log } from '../../model/rule/action.ts'
import { SampledLog } from '../../model/sampled-log.ts'
import type { RowIntake } from '../../model/source/intake.ts'
import { PauseGate } from '../../model/source/pause-gate.ts'
import { SourceState } from '../../model/source/source-state.ts'
import type { Positions, Source } from '../../model/source/source.ts'
import type { SqlSession } from '../../model/source/binlog-stream.ts'
import type { TableDef } from '../../model/table/table.ts'
import { Reconnects } from '../feed/reconnects.ts'
import type { RecordCodec } from './codec/record-codec.ts'
import type { BrokerReader, BrokerRecord, BrokerStep, Decoded, Origin, PartLease } from './contract.ts'
import type { BrokerPosition, PartLedger } from './ledger.ts'
import { recordChange, recordTable } from './record-row.ts'

export interface BrokerSourceOptions {
  /** Unique among the sources of an instance. */
  readonly name: string
  readonly reader: BrokerReader
  readonly ledger: PartLedger
  readonly codec: RecordCodec
  readonly clock: Clock
  readonly log: Log
}

/** Records that are all at hand must not keep everything else from running. */
const RECORDS_PER_TURN = 64
/** What an event holds in memory while its actions run, per byte of its JSON. */
const HELD_PER_BYTE = 3
const HELD_AT_LEAST = 1_024

/**
 * Hands what others publish to the rules, record by record: each is a group of its own, or several where it says several
 * things. It is acknowledged when the checkpoint behind it is durable (invariants 1 and 4), and only under the lease that it
 * was read under: a part that moved to another instance is acknowledged there.
 */
export class BrokerSource implements Source<BrokerPosition> {
  readonly name: string
  readonly positions: Positions<BrokerPosition>
  readonly state = new SourceState()
  private readonly options: BrokerSourceOptions
  private readonly records: TableDef
  private readonly reconnects: Reconnects
  private readonly repeats: SampledLog
  private readonly pauses = new PauseGate()

  constructor(options: BrokerSourceOptions) {
    const { name, reader, ledger, clock, log } = options
    this.name = name
    this.options = options
    this.positions = ledger.positions
    this.records = recordTable(name)
    const { state } = this
    this.reconnects = new Reconnects({ what: 'the broker', description: reader.description, state, clock, log })
    this.repeats = new SampledLog(log, clock)
  }

  async run(into: RowIntake<BrokerPosition>, from: BrokerPosition | null, signal: AbortSignal): Promise<void> {
    const { reader, ledger } = this.options
    let stored = from?.places ?? null
    ledger.begin(stored ?? new Map())
    try {
      while (!signal.aborted) {
        try {
          for await (const step of reader.read(stored, signal)) {
            if (!this.state.connected) this.reconnects.connected()
            await this.take(step, into, signal)
            if (step.tag === 'began') stored ??= step.places
            if (signal.aborted) return
          }
        } catch (error) {
          this.state.caughtUp = false
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

  /** Records come whatever the rules are: one that no rule matches is done. */
  rulesChanged(): void {}

  finished(upTo: BrokerPosition): void {
    const { ledger, reader } = this.options
    reader.acknowledge(ledger.finished(upTo))
  }

  private async take(step: BrokerStep, into: RowIntake<BrokerPosition>, signal: AbortSignal): Promise<void> {
    const { ledger } = this.options
    switch (step.tag) {
      case 'began':
        ledger.begin(step.places)
        return into.started({ number: ledger.newest })
      case 'records':
        return this.takeAll(step, into, signal)
      case 'gap':
        return into.gap(step.gap, ledger.add(step.lease, step.last))
      case 'read':
        this.state.caughtUp = step.all
        this.state.lastReceivedAt = this.options.clock.now()
    }
  }

  private async takeAll(
    { lease, records, last }: Extract<BrokerStep, { readonly tag: 'records' }>,
    into: RowIntake<BrokerPosition>,
    signal: AbortSignal,
  ): Promise<void> {
    const { ledger, reader } = this.options
    this.state.caughtUp = false
    for (const record of records) {
      if (this.pauses.paused) await this.pauses.opened(signal)
      const ready = reader.ready()
      if (ready !== undefined) await orAborted(ready, signal)
      // It was given to another instance meanwhile, which reads this again.
      if (signal.aborted || lease.lost) return
      await this.takeOne(record, lease, into)
      if (this.state.groups % RECORDS_PER_TURN === 0) await nextTurn()
    }
    if (records.at(-1)?.place !== last) into.advance(ledger.add(lease, last))
  }

  private async takeOne(record: BrokerRecord, lease: PartLease, into: RowIntake<BrokerPosition>): Promise<void> {
    const { ledger } = this.options
    this.state.lastReceivedAt = this.options.clock.now()
    const decoded = this.decoded(record)
    if (decoded === null) {
      const change = recordChange(this.records, record)
      return handIn(change, into, ledger.add(lease, record.place))
    }
    if (decoded.length === 0) into.advance(ledger.add(lease, record.place))
    for (const [i, each] of decoded.entries()) {
      const isLast = i === decoded.length - 1
      // Between what one record says there is no place to resume at: that is before all of it.
      const end = isLast ? ledger.add(lease, record.place) : { number: ledger.newest }
      if (each.tag === 'statement') {
        into.begin(transactionOf(each.origin))
        await into.ddl({ ...each.statement, session: SESSION }, each.origin.seq)
        into.commit(end)
      } else handIn(changeOf(each, record), into, end)
    }
  }

  /** Null for a record that cannot be read: it becomes a dead letter, and those behind it go on. */
  private decoded(record: BrokerRecord): readonly Decoded[] | null {
    try {
      return this.options.codec.decode(record)
    } catch (error) {
      if (!(error instanceof EvaluationError)) throw error
      const { part, place } = record
      const fields = { source: this.name, code: error.code, part, place, err: error.message }
      this.repeats.write('warn', fields, 'a record cannot be read')
      return null
    }
  }
}

function handIn(change: Change, into: RowIntake<BrokerPosition>, end: BrokerPosition): void {
  into.begin(change.transaction)
  into.event(change)
  into.commit(end)
}

function changeOf(decoded: Exclude<Decoded, { readonly tag: 'statement' }>, { value, at }: BrokerRecord): Change {
  const bytes = HELD_AT_LEAST + (value?.byteLength ?? 0) * HELD_PER_BYTE
  if (decoded.tag === 'event') {
    const { event } = decoded
    const origin = {
      txId: event.id,
      gtid: null,
      file: '',
      offset: 0,
      serverId: 0,
      timestampUs: at * 1_000,
      query: null,
    }
    return new PostedEvent(event, transactionOf(origin), 0, bytes)
  }
  const { origin, row } = decoded
  const { table, op, old, new: new_ } = row
  return new SizedChange(bytes, table, op, transactionOf(origin), origin.seq, old, new_, origin.query)
}

function transactionOf({ txId, gtid, file, offset, serverId, timestampUs, query }: Omit<Origin, 'seq'>): Transaction {
  return { id: txId, gtid, file, offset, serverId, timestampUs, query }
}

/** How the text of a statement is read: as a session of MySQL has it that changed nothing. */
const SESSION: SqlSession = { ansiQuotes: false, backslashEscapes: true, mariadbComments: false, foldNames: false }
