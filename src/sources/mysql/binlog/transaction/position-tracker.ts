import type { SourcePosition } from '../../../../model/source/position.ts'
import type { Flavour } from '../../../../model/table/table.ts'
import { ExecutedGtids } from '../gtid/executed-gtids.ts'
import type { Boundary, PreparedXa } from './prepared-xa.ts'
import { PreparedXaTransactions } from './prepared-xa.ts'
import type { Rotation } from '../format/rotate.ts'

/** Offsets in event headers count modulo this. */
const OFFSET_WRAP = 0x1_0000_0000

/**
 * Where the reader stands in the binlog. Offsets are doubles kept by adding up event sizes, because headers give them
 * modulo 2^32 only and MariaDB 11.4 leaves them 0 inside transactions; where a header tells more (the server has left
 * out transactions that are executed), it is believed.
 */
export class PositionTracker {
  readonly flavour: Flavour
  readonly executed: ExecutedGtids
  readonly prepared = new PreparedXaTransactions()
  file: string
  /** Where the event that is being read begins, and where it ends. */
  eventStart: number
  offset: number
  #boundary: Boundary

  constructor(flavour: Flavour, file: string, offset: number, gtidSet: string | null) {
    this.flavour = flavour
    this.file = file
    this.eventStart = offset
    this.offset = offset
    this.executed = new ExecutedGtids(flavour, gtidSet)
    this.#boundary = { file, offset, gtids: this.executed.snapshot() }
  }

  /** An event that lies in the file was received. */
  pass(size: number, endPosition: number): void {
    let end = this.offset + size
    if (endPosition !== 0 && end % OFFSET_WRAP !== endPosition) end = this.#next(endPosition)
    this.offset = end
    this.eventStart = end - size
  }

  /** An event that the server made up: it takes no room in the file. */
  passArtificial(): void {
    this.eventStart = this.offset
  }

  /** The sender says that it stands here, modulo 2^32, without a new event. */
  moveForward(endPosition: number): void {
    if (endPosition !== 0) this.offset = this.#next(endPosition)
  }

  rotate({ file, offset }: Rotation): void {
    this.file = file
    this.offset = offset
  }

  /** The present place becomes the boundary. Called between transactions only (invariant 4). */
  markBoundary(): void {
    this.#boundary = { file: this.file, offset: this.offset, gtids: this.executed.snapshot() }
  }

  get boundary(): Boundary {
    return this.#boundary
  }

  /**
   * Where a restart may begin: the last boundary, or, as long as XA transactions are prepared, the one before the oldest
   * of them. MySQL sets can leave out single transactions, so there only file and offset stay behind.
   */
  resumable(): SourcePosition {
    const oldest = this.prepared.oldest
    const { file, offset } = oldest?.before ?? this.#boundary
    const gtids = oldest !== null && this.flavour === 'mariadb' ? oldest.before.gtids : this.#boundary.gtids
    return {
      flavour: this.flavour,
      file,
      offset,
      // Its own enumerable property, so that copies and JSON have the text; made only when asked for.
      get gtidSet(): string | null {
        return gtids === null ? null : gtids.toString()
      },
    }
  }

  /** Where this same reader, which still holds the prepared transactions, wants to go on. */
  reconnectable(): SourcePosition {
    const { file, offset, gtids } = this.#boundary
    const gtidSet = gtids === null ? null : gtids.with(this.flavour === 'mysql' ? this.prepared.gtids() : [])
    return { flavour: this.flavour, file, offset, gtidSet }
  }

  /** The rows of an XA transaction are complete and its outcome is open; the boundary moves behind it. */
  prepare(prepared: Omit<PreparedXa, 'before'>): void {
    this.prepared.add({ ...prepared, before: this.#boundary })
    // A MariaDB position cannot leave one out; it is held back as a whole.
    if (this.flavour === 'mariadb') this.executed.commit(prepared.gtid)
    this.markBoundary()
  }

  /** The transaction's outcome is known; null when it was not prepared here. */
  takePrepared(xid: string): PreparedXa | null {
    const prepared = this.prepared.take(xid)
    if (prepared !== null && this.flavour === 'mysql') this.executed.commit(prepared.gtid)
    return prepared
  }

  #next(endPosition: number): number {
    const candidate = Math.floor(this.offset / OFFSET_WRAP) * OFFSET_WRAP + endPosition
    return candidate < this.offset ? candidate + OFFSET_WRAP : candidate
  }
}
