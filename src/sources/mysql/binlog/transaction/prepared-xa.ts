import type { EventSpool } from './event-spool.ts'
import type { GtidSnapshot } from '../gtid/executed-gtids.ts'

/** A place between two transactions. */
export interface Boundary {
  readonly file: string
  readonly offset: number
  readonly gtids: GtidSnapshot | null
}

/** A transaction between XA PREPARE and its XA COMMIT or XA ROLLBACK. */
export interface PreparedXa {
  readonly xid: string
  /** GTID of the part up to XA PREPARE; executed only once the outcome is known. */
  readonly gtid: string | null
  readonly events: EventSpool
  /** The last boundary before it: a restart must not begin behind it, or the rows would be lost (invariant 4). */
  readonly before: Boundary
}

/** XA transactions whose outcome is open, oldest first. */
export class PreparedXaTransactions {
  readonly #byXid = new Map<string, PreparedXa>()

  get oldest(): PreparedXa | null {
    for (const prepared of this.#byXid.values()) return prepared
    return null
  }

  get size(): number {
    return this.#byXid.size
  }

  *gtids(): Generator<string> {
    for (const { gtid } of this.#byXid.values()) if (gtid !== null) yield gtid
  }

  /** A transaction that is prepared again is the same one, read once more. */
  add(prepared: PreparedXa): void {
    const former = this.#byXid.get(prepared.xid)
    former?.events.close()
    this.#byXid.set(prepared.xid, former === undefined ? prepared : { ...prepared, before: former.before })
  }

  take(xid: string): PreparedXa | null {
    const prepared = this.#byXid.get(xid) ?? null
    this.#byXid.delete(xid)
    return prepared
  }
}
