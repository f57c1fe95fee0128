import type { EventFeed, TransactionHandler } from '../../../model/source/binlog-stream.ts'
import type { SourcePosition } from '../../../model/source/position.ts'
import type { Stats } from '../../../model/stats.ts'
import { learnBetween } from './transaction/between-transactions.ts'
import { corrupt, locateCorruption } from './format/corrupt-event.ts'
import { EventType } from './format/event-types.ts'
import { endPositionOf, EventFlag, flagsOf, HEADER_BYTES, sizeOf, timestampOf } from './format/header.ts'
import { PositionTracker } from './transaction/position-tracker.ts'
import { DEFAULT_LIMITS } from './reader-options.ts'
import type { BinlogReaderOptions } from './reader-options.ts'
import { readHeartbeatV2, readRotate } from './format/rotate.ts'
import { incident, unknownEvent } from './format/stream-errors.ts'
import type { EventPlace } from './format/stream-errors.ts'
import { StreamFormat } from './format/stream-format.ts'
import { TransactionAssembler } from './transaction/transaction-assembler.ts'
import { readTransactionPayload } from './compression/transaction-payload.ts'
import {
  isTransactionStart,
  opensTransaction,
  readTransactionStart,
  unnamedStart,
} from './transaction/transaction-start.ts'
import type { TransactionStart } from './transaction/transaction-start.ts'

/**
 * Binlog events to transactions. It outlives connections: after `interrupted`, feed it from `position()` on.
 * Synchronous but for what truly waits (a schema lookup, a large compressed transaction, the handler).
 *
 * Errors: BINGO_BINLOG_CHECKSUM (retryable: nothing of the event was passed on), BINGO_BINLOG_CORRUPT,
 * BINGO_BINLOG_UNKNOWN_EVENT, BINGO_BINLOG_INCIDENT, BINGO_STATEMENT_FORMAT, BINGO_SPOOL_FAILED, and those of handler
 * and resolver.
 */
export class BinlogReader implements EventFeed {
  readonly #handler: TransactionHandler
  readonly #idPrefix: string
  readonly #position: PositionTracker
  readonly #assembler: TransactionAssembler
  readonly #stats: Stats | null
  readonly #format: StreamFormat

  constructor(options: BinlogReaderOptions) {
    this.#handler = options.handler
    this.#idPrefix = options.idPrefix ?? ''
    this.#stats = options.stats ?? null
    this.#format = new StreamFormat(options.flavour, options.verifyChecksum ?? true, this.#stats)
    this.#position = new PositionTracker(
      options.flavour,
      options.startFile,
      options.startOffset ?? 4,
      options.startGtidSet,
    )
    this.#assembler = new TransactionAssembler({
      handler: options.handler,
      schemas: options.schemas,
      position: this.#position,
      limits: { ...DEFAULT_LIMITS, ...options.transactionBufferLimits },
      warn: options.onWarning ?? (() => undefined),
      stats: this.#stats,
      ignores: options.ignoresStatementsOn ?? (() => false),
      foldsNames: options.foldsNames ?? (() => false),
    })
  }

  /** Last boundary between transactions, for a reconnect of this reader (prepared XA transactions are kept). */
  position(): SourcePosition {
    return this.#position.reconnectable()
  }

  /** Where a new process may resume: as `position`, but not behind an XA transaction that is prepared (invariant 4). */
  resumePosition(): SourcePosition {
    return this.#position.resumable()
  }

  /** File and end of the event read last; inside a transaction it is no place to resume. */
  get readTo(): { readonly file: string; readonly offset: number } {
    return { file: this.#position.file, offset: this.#position.offset }
  }

  /** XA transactions whose outcome is open; while there is one, `resumePosition` stands still. */
  get preparedTransactions(): number {
    return this.#position.prepared.size
  }

  /** Creation of the file being read (header of its FORMAT_DESCRIPTION), seconds since 1970; 0 before it was seen. */
  get fileCreated(): number {
    return this.#format.fileCreated
  }

  /** Creation time of a file read before, seconds since 1970; 0 when not known. */
  fileCreatedOf(file: string): number {
    return this.#format.createdOf(file)
  }

  /** The rules changed: asks the handler again which tables it wants. */
  reconsiderTables(): void {
    this.#assembler.tables.reconsider()
  }

  interrupted(): void {
    this.#format.forget()
    this.#assembler.drop()
    const { file, offset } = this.#position.boundary
    this.#position.rotate({ file, offset })
  }

  /** Reading goes on at the head of this file (binlog files have no ROTATE in front). */
  startFile(file: string): void {
    this.#format.forget()
    this.#assembler.abandon()
    this.#position.rotate({ file, offset: 4 })
    this.#advance()
  }

  feed(buffer: Buffer, start: number, end: number): void | Promise<void> {
    const type = end - start >= HEADER_BYTES ? buffer[start + 4]! : 0
    try {
      const pending = this.#event(type, buffer, start, end)
      return pending instanceof Promise ? this.#locateLater(pending, type) : undefined
    } catch (error) {
      throw this.#locate(error, type)
    }
  }

  #locate(error: unknown, type: number): unknown {
    return locateCorruption(error, type, this.#position.file, this.#position.eventStart)
  }

  async #locateLater(pending: Promise<void>, type: number): Promise<void> {
    try {
      await pending
    } catch (error) {
      throw this.#locate(error, type)
    }
  }

  #event(type: number, buffer: Buffer, start: number, end: number): void | Promise<void> {
    const size = end - start
    if (size < HEADER_BYTES || sizeOf(buffer, start) !== size)
      throw corrupt(`${size} bytes that are not one event`, true)
    if (this.#stats !== null) {
      this.#stats.eventsTotal += 1
      this.#stats.bytesTotal += size
    }
    if (type === EventType.FORMAT_DESCRIPTION) return this.#formatDescription(buffer, start, end)
    const bodyStart = start + HEADER_BYTES
    const bodyEnd = this.#format.checkedEnd(type, buffer, start, end, this.#position)
    const flags = flagsOf(buffer, start)
    if (type === EventType.HEARTBEAT || type === EventType.HEARTBEAT_V2) {
      this.#heartbeat(type, buffer, start, bodyEnd)
      return
    }
    if ((flags & EventFlag.ARTIFICIAL) !== 0 || isMadeUpRotate(type, buffer, start)) this.#position.passArtificial()
    else this.#position.pass(size, endPositionOf(buffer, start))
    return this.#dispatch(type, flags, buffer, start, bodyStart, bodyEnd)
  }

  #dispatch(
    type: number,
    flags: number,
    buffer: Buffer,
    start: number,
    bodyStart: number,
    bodyEnd: number,
  ): void | Promise<void> {
    switch (type) {
      case EventType.ROTATE:
        this.#rotate(buffer, bodyStart, bodyEnd)
        return
      case EventType.TRANSACTION_PAYLOAD:
        return readTransactionPayload(buffer, bodyStart, bodyEnd, (inner, innerStart, innerEnd) =>
          this.#inner(inner, innerStart, innerEnd),
        )
      case EventType.INCIDENT:
        throw incident(this.#place)
      default:
    }
    if (isTransactionStart(type)) {
      this.#open(readTransactionStart(type, buffer, start, bodyStart, bodyEnd, this.#place))
      return
    }
    if (!this.#assembler.inTransaction && opensTransaction(type)) this.#open(unnamedStart(buffer, start, this.#place))
    const taken = this.#assembler.take(type, buffer, bodyStart, bodyEnd)
    if (taken instanceof Promise) return taken
    if (taken) return
    learnBetween(type, flags, buffer, bodyStart, bodyEnd, this.#position)
    this.#advance()
  }

  #inner(buffer: Buffer, start: number, end: number): void | Promise<void> {
    const type = buffer[start + 4]!
    const taken = this.#assembler.take(type, buffer, start + HEADER_BYTES, end)
    if (taken instanceof Promise) return taken
    if (!taken && (flagsOf(buffer, start) & EventFlag.IGNORABLE) === 0) throw unknownEvent(type, this.#place)
  }

  #formatDescription(buffer: Buffer, start: number, end: number): void {
    this.#format.describe(buffer, start, end, this.#position)
    // A server that resumes in mid-file sends the file's first event once more, with no position of its own.
    if (this.#position.offset === 4) this.#position.pass(end - start, endPositionOf(buffer, start))
    else this.#position.passArtificial()
    this.#assembler.abandon()
  }

  #rotate(buffer: Buffer, start: number, end: number): void {
    const rotation = readRotate(buffer, start, end)
    this.#assembler.abandon()
    this.#position.rotate(rotation)
    this.#advance()
  }

  #heartbeat(type: number, buffer: Buffer, start: number, end: number): void {
    if (this.#assembler.inTransaction) return
    const before = this.#position.offset
    if (type === EventType.HEARTBEAT) this.#position.moveForward(endPositionOf(buffer, start))
    else {
      const place = readHeartbeatV2(buffer, start + HEADER_BYTES, end)
      if (place !== null) this.#position.rotate(place)
    }
    if (this.#position.offset !== before) this.#advance()
  }

  /** Without changes, but further on. Inside a transaction there is no place to resume (invariant 4). */
  #advance(): void {
    if (this.#assembler.inTransaction) return
    this.#position.markBoundary()
    this.#handler.advance(this.#position.resumable())
  }

  #open({ transaction, ending, ddlWithoutEffect, preparedXid }: TransactionStart): void {
    const named = this.#idPrefix === '' ? transaction : { ...transaction, id: this.#idPrefix + transaction.id }
    this.#assembler.open(named, ending, ddlWithoutEffect)
    if (preparedXid !== null) this.#assembler.startXa(preparedXid)
  }

  get #place(): EventPlace {
    return { file: this.#position.file, offset: this.#position.eventStart }
  }
}

/** The dump's first event and those at every change of file, which older servers do not mark as artificial. */
function isMadeUpRotate(type: number, buffer: Buffer, start: number): boolean {
  return type === EventType.ROTATE && timestampOf(buffer, start) === 0
}
