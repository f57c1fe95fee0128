import type { Log } from '../../../model/rule/action.ts'
import type { Clock } from '../../../model/clock.ts'
import type { SourceState } from '../../../model/source/source-state.ts'
import type { LagReport } from '../server/retention/lag-probe.ts'

/** While the server has more for us, this many bytes are nothing but heartbeats. */
const STALL_BYTES = 1_024
const STALL_HEARTBEATS = 3

export interface ObservedStream {
  readonly bytesRead: number
  readonly standsStill: boolean
}

/**
 * Notices a connection on which the server sends heartbeats only, while its own binlog moves on: a silent stall. That it
 * is one stays told (`stalled` of its state) over the reconnects, until something has been read or there is no more.
 */
export class StallDetector {
  readonly #limitMs: number
  readonly #state: SourceState
  readonly #clock: Clock
  readonly #log: Log
  #since = 0
  #bytes = -Infinity

  constructor(heartbeatMs: number, { state, clock, log }: { state: SourceState; clock: Clock; log: Log }) {
    this.#limitMs = STALL_HEARTBEATS * heartbeatMs
    this.#state = state
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
    const state = this.#state
    if (state.stalled === null) return
    if (report?.caughtUp === true || state.groups > state.stalled.groups) state.stalled = null
  }

  #tell({ end, position }: LagReport): void {
    const state = this.#state
    const level = state.stalled === null ? 'warn' : 'error'
    state.stalled ??= { since: this.#clock.now(), groups: state.groups }
    const place = { file: position.file, position: position.offset, gtid: position.gtidSet }
    const reason = `the binlog of the server ends at ${end.file}:${end.offset}`
    this.#log[level](
      { code: 'BINGO_SOURCE_STALLED', ...place, reason },
      'stream stalled: the server sends only heartbeats; reconnecting',
    )
  }
}
