import { Outage } from '../../clients/guards/outage.ts'
import type { Log } from '../../model/rule/action.ts'
import type { Clock } from '../../model/clock.ts'
import { BingoError } from '../../model/errors.ts'
import type { LeaseAnswer, Lease, Permit } from '../../model/state/lease.ts'
import type { StandbyState } from '../../model/stats.ts'

export interface LeadershipDeps {
  readonly store: Lease
  readonly ttlMs: number
  readonly clock: Clock
  readonly log: Log
  readonly state: StandbyState
}

/** Renewals in a term: two may fail before the lease is in doubt. */
const RENEWALS = 3
/** The holder stops this part of a term before the store may give the lease to another. */
const MARGIN = 0.1
const MAX_POLL_MS = 500

/**
 * One instance's part in the lease. A standby waits in `win`; a leader renews in `keep`, and everything it does to the
 * world asks the permit first: once the term is over by either clock (the process was paused, the machine suspended, the
 * store is away) nothing leaves until the store has said that nobody else led meanwhile.
 */
export class Leadership implements Permit {
  private readonly deps: LeadershipDeps
  private readonly outage: Outage
  private validUntil = -Infinity
  private validUntilWall = -Infinity
  private lost: BingoError | null = null
  private renewal: Promise<void> | null = null
  /** After an interruption: whether nobody led in between. */
  private stillOurs: (() => Promise<boolean>) | null = null

  constructor(deps: LeadershipDeps) {
    this.deps = deps
    this.outage = new Outage('Lease', deps.log, deps.clock)
  }

  get valid(): boolean {
    const { clock } = this.deps
    return clock.monotonicMs() < this.validUntil && clock.now() < this.validUntilWall && this.lost === null
  }

  /** Waits for the lease, however long. False when aborted before. */
  async win(signal: AbortSignal): Promise<boolean> {
    const { clock, store, state, log } = this.deps
    /** The holder before us may act until then, as far as we know. */
    let heldUntil = -Infinity
    state.role = 'standby'
    while (!signal.aborted) {
      const answer = await this.ask().catch(() => null)
      const now = clock.monotonicMs()
      if (answer?.tag === 'other') {
        if (state.leader !== answer.holder)
          log.info({ lease: store.description, leader: answer.holder }, 'waiting as standby')
        state.leader = answer.holder
        heldUntil = now + answer.remainingMs
      } else if (answer?.tag === 'taken') {
        // It vanished before its time: its holder was not asked, and may go on for a whole term.
        if (answer.after === 'release') heldUntil = -Infinity
        else if (now < heldUntil) heldUntil = now + this.deps.ttlMs
      }
      if (answer !== null && answer.tag !== 'other' && now >= heldUntil) return this.won()
      await clock.sleep(Math.min(MAX_POLL_MS, this.deps.ttlMs / RENEWALS), signal).catch(() => undefined)
    }
    return false
  }

  /** From now on a lease that was interrupted is only taken again if nobody led meanwhile, which this finds out. */
  confirmBy(stillOurs: () => Promise<boolean>): void {
    this.stillOurs = stillOurs
  }

  /** Renews until aborted; rejects with BINGO_LEASE_LOST. A store that is away is waited for, without a permit. */
  async keep(signal: AbortSignal): Promise<void> {
    const { clock, ttlMs } = this.deps
    while (!signal.aborted) {
      await clock.sleep(ttlMs / RENEWALS, signal).catch(() => undefined)
      if (signal.aborted) return
      await this.renew()
      if (this.lost !== null) throw this.lost
    }
  }

  async granted(signal?: AbortSignal): Promise<void> {
    while (!this.valid) {
      signal?.throwIfAborted()
      await this.renew()
      if (this.lost !== null) throw this.lost
      if (!this.valid) await this.deps.clock.sleep(Math.min(MAX_POLL_MS, this.deps.ttlMs / RENEWALS), signal)
    }
  }

  /** Asks once more who leads: the error to report when it is not this instance any more, else null. */
  async replacedBy(): Promise<BingoError | null> {
    if (!this.valid && this.lost === null) await this.renew()
    return this.lost
  }

  /**
   * Gives the lease back, so that the standby need not wait for its end. One that was taken but never led with comes to
   * its end by itself: what it was waiting for, the term of the holder before, must not be cut short for others.
   */
  async release(): Promise<void> {
    this.validUntil = -Infinity
    if (this.lost === null && this.deps.state.role === 'leader') await this.deps.store.release().catch(() => undefined)
    await this.deps.store.close()
  }

  private won(): true {
    const { state, clock, log, store } = this.deps
    // Until `confirmBy` says how to tell, an interruption is a loss.
    this.stillOurs = () => Promise.resolve(false)
    state.role = 'leader'
    state.leader = null
    state.since = clock.now()
    log.info({ lease: store.description }, 'leading')
    return true
  }

  /** One at a time, whoever asks; never rejects. */
  private renew(): Promise<void> {
    this.renewal ??= this.renewOnce().finally(() => {
      this.renewal = null
    })
    return this.renewal
  }

  private async renewOnce(): Promise<void> {
    const { state, clock } = this.deps
    try {
      const answer = await this.ask()
      if (answer.tag === 'other') this.lose(answer.holder)
      state.unconfirmedSince = 0
    } catch {
      if (!this.valid && state.unconfirmedSince === 0) state.unconfirmedSince = clock.now()
    }
  }

  /** Asks the store. A term that it grants counts from before the question. */
  private async ask(): Promise<LeaseAnswer> {
    const { clock, store, ttlMs } = this.deps
    const [start, startWall] = [clock.monotonicMs(), clock.now()]
    try {
      const answer = await store.ask()
      const isOurs = answer.tag === 'held' || (answer.tag === 'taken' && (await this.mayTake()))
      this.validUntil = isOurs ? start + ttlMs * (1 - MARGIN) : -Infinity
      this.validUntilWall = startWall + ttlMs * (1 - MARGIN)
      if (this.outage.durationMs > 0) this.outage.ended({ lease: store.description })
      return isOurs || answer.tag === 'other' ? answer : { tag: 'other', holder: 'another instance', remainingMs: 0 }
    } catch (error) {
      this.outage.failed(error as Error, { lease: store.description })
      throw error
    }
  }

  /** A standby may; a leader whose lease was interrupted only if nobody led in between. */
  private async mayTake(): Promise<boolean> {
    return this.stillOurs === null || this.stillOurs()
  }

  private lose(holder: string): void {
    this.deps.state.leader = holder
    this.lost = new BingoError(
      'BINGO_LEASE_LOST',
      `${holder} has taken over the lease ${this.deps.store.description}; this one stops`,
      { hint: 'Restart this instance (or let a restart policy do so): it then waits as standby.' },
    )
  }
}
