import type { Hold } from '../../model/delivery/in-flight-job.ts'

/** One transaction with unfinished jobs. Sealed when its commit was read, so that no further job can join. */
export class Ticket<P> implements Hold {
  holds = 0
  sealed = false
  /** Null for one that moves the position nowhere: what it was broken off in comes again, or lies in a gap. */
  end: P | null = null
  commitAtMs = 0
  /** Called when the watermark has moved over it. */
  passed: (() => void) | null = null
  private readonly watermark: Watermark<P>

  constructor(watermark: Watermark<P>) {
    this.watermark = watermark
  }

  release(): void {
    this.holds -= 1
    if (this.holds === 0 && this.sealed) this.watermark.sweep()
  }
}

/**
 * The low watermark of finished transactions (invariant 4): the end of the oldest contiguous run of transactions all of
 * whose jobs have ended. Costs one small object per transaction that has jobs, and nothing per row.
 */
export class Watermark<P> {
  private readonly open: Ticket<P>[] = []
  private head = 0
  private current: P | null
  private currentCommitAtMs = 0
  private issued = 0
  private finishedUpTo = 0

  constructor(start: P | null) {
    this.current = start
  }

  /** Where a restart would resume; null until anything is known. */
  get position(): P | null {
    return this.current
  }

  /** Commit time of the newest transaction below the watermark, milliseconds since 1970; 0 when there was none. */
  get commitAtMs(): number {
    return this.currentCommitAtMs
  }

  /** Transactions that are not finished. */
  get pending(): number {
    return this.open.length - this.head
  }

  /** The newest transaction that is not finished: what was read since is finished when it is. Null when all are. */
  get newestTicket(): Ticket<P> | null {
    return this.head === this.open.length ? null : this.open.at(-1)!
  }

  /** How many transactions have had jobs so far; the newest one has this number. */
  get newest(): number {
    return this.issued
  }

  /** The same of those whose commits were read. */
  get newestSealed(): number {
    return this.newestTicket?.sealed === false ? this.issued - 1 : this.issued
  }

  /** Number of the newest transaction with jobs below the watermark; 0 when there was none. */
  get finished(): number {
    return this.finishedUpTo
  }

  /** For a transaction that has its first job. In commit order. */
  ticket(): Ticket<P> {
    const ticket = new Ticket<P>(this)
    this.open.push(ticket)
    this.issued += 1
    return ticket
  }

  seal(ticket: Ticket<P>, end: P, commitAtMs: number): void {
    ticket.sealed = true
    ticket.end = end
    ticket.commitAtMs = commitAtMs
    if (ticket.holds === 0) this.sweep()
  }

  /** The transaction was broken off and will not come again under its name: its jobs end, the position stays. */
  abandon(ticket: Ticket<P>): void {
    ticket.sealed = true
    if (ticket.holds === 0) this.sweep()
  }

  /** A transaction without jobs, or something else that moves the position, was read. */
  pass(end: P, commitAtMs: number): void {
    if (this.head === this.open.length) {
      this.moveTo(end, commitAtMs)
      return
    }
    const last = this.open[this.open.length - 1]!
    // Nothing to wait for of its own: it is finished as soon as the transaction before it is.
    if (last.sealed) {
      last.end = end
      if (commitAtMs > 0) last.commitAtMs = commitAtMs
    }
  }

  /** Moves over finished transactions at the head. */
  sweep(): void {
    const { open } = this
    while (this.head < open.length) {
      const ticket = open[this.head]!
      if (!ticket.sealed || ticket.holds > 0) break
      this.head += 1
      this.finishedUpTo += 1
      if (ticket.end !== null) this.moveTo(ticket.end, ticket.commitAtMs)
      ticket.passed?.()
    }
    if (this.head === open.length) {
      open.length = 0
      this.head = 0
    } else if (this.head > 1024 && this.head * 2 > open.length) {
      open.splice(0, this.head)
      this.head = 0
    }
  }

  private moveTo(end: P, commitAtMs: number): void {
    this.current = end
    if (commitAtMs > 0) this.currentCommitAtMs = commitAtMs
  }
}
