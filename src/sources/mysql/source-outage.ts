import { Outage } from '../../clients/outage.ts'
import type { Log } from '../../model/action.ts'
import type { Clock } from '../../model/clock.ts'
import type { BingoError } from '../../model/errors.ts'
import type { SourcePosition } from '../../model/position.ts'
import type { Stats } from '../../model/stats.ts'
import type { ServerFacts } from './server/server-facts.ts'

/** Tells log, readiness and metrics of the source's coming and going. */
export class SourceOutage {
  readonly #outage: Outage
  readonly #stats: Stats
  readonly #clock: Clock

  constructor(stats: Stats, log: Log, clock: Clock) {
    this.#outage = new Outage('MySQL', log, clock)
    this.#stats = stats
    this.#clock = clock
  }

  /** The stream was lost, or could not begin. */
  failed({ code, message }: BingoError, server: string): void {
    const { source } = this.#stats
    source.lastError = { code, message }
    source.downSince ||= this.#clock.now()
    this.#stats.reconnectsTotal++
    this.#outage.failed({ code, message }, { server })
  }

  /** A server sends. */
  ended(server: string, { version }: ServerFacts, position: SourcePosition | null): void {
    Object.assign(this.#stats.source, { address: server, downSince: 0, lastError: null })
    const { file, offset, gtidSet } = position ?? {}
    this.#outage.ended({ server, version, file, position: offset, gtid: gtidSet })
  }
}
