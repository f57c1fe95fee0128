import { Outage } from '../../clients/guards/outage.ts'
import type { Clock } from '../../model/clock.ts'
import type { BingoError } from '../../model/errors.ts'
import type { SourcePosition } from '../../model/source/position.ts'
import type { SourceState } from '../../model/source/source-state.ts'
import type { Stats } from '../../model/stats.ts'
import type { ServerFacts } from './server/server-facts.ts'
import type { SourceDeps } from './source-deps.ts'

type OutageDeps = Pick<SourceDeps, 'stats' | 'state' | 'log' | 'clock'>

/** Tells log, readiness and metrics of the source's coming and going. */
export class SourceOutage {
  readonly #outage: Outage
  readonly #stats: Stats
  readonly #state: SourceState
  readonly #clock: Clock

  constructor({ stats, state, log, clock }: OutageDeps) {
    this.#outage = new Outage('MySQL', log, clock)
    this.#stats = stats
    this.#state = state
    this.#clock = clock
  }

  /** The stream was lost, or could not begin. */
  failed({ code, message }: BingoError, server: string): void {
    this.#state.lastError = { code, message }
    this.#state.downSince ||= this.#clock.now()
    this.#stats.reconnectsTotal++
    this.#outage.failed({ code, message }, { server })
  }

  /** A server sends. */
  ended(server: string, { version }: ServerFacts, position: SourcePosition | null): void {
    Object.assign(this.#state, { address: server, downSince: 0, lastError: null })
    const { file, offset, gtidSet } = position ?? {}
    this.#outage.ended({ server, version, file, position: offset, gtid: gtidSet })
  }
}
