import type { Log } from '../../../model/action.ts'
import type { Clock } from '../../../model/clock.ts'
import type { Stats } from '../../../model/stats.ts'
import type { LagReport } from '../server/lag-probe.ts'

/** While the server has more for us, this many bytes are nothing but heartbeats. */
const STALL_BYTES = 1_024
const STALL_HEARTBEATS = 3

export interface ObservedStream {
  readonly bytesRead: number
  readonly standsStill: boolean
}

/**
 * Notices a connection on which the server sends heartbeats only, while its own binlog moves on: a silent stall. That it
 * is one stays told (`stats.source.stalled`) over the reconnects, until something has been read or there is no more.
 */
export class StallDetector {
  readonly #limitMs: number
  readonly #stats: Stats
  readonly #clock: Clock
  readonly #log: Log
  #since = 0
  #bytes = -Infinity

  constructor(heartbeatMs: number, { stats, clock, log }: { stats: Stats; clock: Clock; log: Log }) {
    this.#limitMs = STALL_HEARTBEATS * heartbeatMs
    this.#stats = stats
    this.#clock = clock
    this.#log = log
  }

  /** To be asked after each look at the server's end; `report`: null where it could not be told. */
  stalled(report: LagReport | null, stream: ObservedStream): boolean {
    this.#forgive(report)
    const now = this.#clock.monotonicMs()
    const moves = stream.bytesRead - this.#bytes > STALL_BYTES
    if (report === null || report.caughtUp || stream.standsStill || moves) {
      this.#since = now
      this.#bytes = stream.bytesRead
    }
    if (now - this.#since <= this.#limitMs) return false
    this.#tell(report!)
    return true
  }

  #forgive(report: LagReport | null): void {
    const { source, transactionsTotal } = this.#stats
    if (source.stalled === null) return
    if (report?.caughtUp === true || transactionsTotal > source.stalled.transactions) source.stalled = null
  }

  #tell({ end, position }: LagReport): void {
    const { source, transactionsTotal } = this.#stats
    const level = source.stalled === null ? 'warn' : 'error'
    source.stalled ??= { since: this.#clock.now(), transactions: transactionsTotal }
    const place = { file: position.file, position: position.offset, gtid: position.gtidSet }
    const reason = `the server stands at ${end.file}:${end.offset}`
    this.#log[level]({ code: 'BINGO_SOURCE_STALLED', ...place, reason }, 'only heartbeats come; reconnecting')
  }
}
