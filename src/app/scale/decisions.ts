import type { Clock } from '../../model/clock.ts'
import type { StateStore } from '../../model/state/state.ts'
import type { PausedTargets } from '../paused-targets.ts'
import type { StoredSwitches } from '../rule-switches.ts'

const LOOK_MS = 2_000

export interface DecisionsDeps {
  readonly name: string
  readonly state: StateStore
  readonly clock: Clock
  readonly switches: StoredSwitches
  readonly pauses: PausedTargets
  /** Another process has switched rules. */
  readonly switched: () => void
  /** Another process has paused or resumed some of these targets. */
  readonly paused: (targets: readonly string[]) => void
}

/** What operators decide at any of the processes holds for all of them: each looks what the others have kept. */
export class Decisions {
  readonly switches: StoredSwitches
  readonly pauses: PausedTargets
  readonly #deps: DecisionsDeps

  constructor(deps: DecisionsDeps) {
    this.#deps = deps
    this.switches = deps.switches
    this.pauses = deps.pauses
  }

  /** Rejects with the BingoError of the state store. */
  async load(): Promise<void> {
    await this.switches.load()
    await this.pauses.load()
  }

  /** Until the signal is aborted. A state store that is down is said by those who need it. */
  async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#deps.clock.sleep(LOOK_MS, signal).catch(() => undefined)
      if (!signal.aborted) await this.#look().catch(() => undefined)
    }
  }

  async #look(): Promise<void> {
    if (await this.switches.changedElsewhere()) {
      await this.switches.load()
      this.#deps.switched()
    }
    if (await this.pauses.changedElsewhere()) {
      const before = this.pauses.targets
      await this.pauses.load()
      this.#deps.paused([...new Set([...before, ...this.pauses.targets])])
    }
  }
}
