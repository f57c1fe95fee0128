import type { RuleSet } from '../../model/rule/rule-set.ts'
import type { StateStore } from '../../model/state/state.ts'
import type { DaemonDeps } from '../daemon/daemon-contract.ts'
import { PausedTargets } from '../paused-targets.ts'
import { StoredSwitches } from '../rule-switches.ts'

const LOOK_MS = 2_000

export interface DecisionsDeps extends Pick<DaemonDeps, 'clock' | 'log'> {
  /** Of the instance. */
  readonly name: string
  readonly state: StateStore
}

/** The process that what is decided holds for. */
export interface DecidedFor {
  /** All rules, as the files have them. */
  readonly ruleSet: RuleSet
  /** Also when what is disabled has changed. */
  reload(ruleSet: RuleSet): void
  /** The target is paused, or is not, as the state store says. */
  pauseAsKept(target: string): void
}

/** What operators decide at any of the processes holds for all of them: each looks what the others have kept. */
export class Decisions {
  readonly switches: StoredSwitches
  readonly pauses: PausedTargets
  readonly #deps: DecisionsDeps
  readonly #owner: DecidedFor

  constructor(deps: DecisionsDeps, owner: DecidedFor) {
    this.#deps = deps
    this.#owner = owner
    this.switches = new StoredSwitches({
      ...deps,
      rules: () => owner.ruleSet,
      changed: () => owner.reload(owner.ruleSet),
    })
    this.pauses = new PausedTargets(deps)
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
      this.#owner.reload(this.#owner.ruleSet)
    }
    if (await this.pauses.changedElsewhere()) {
      const before = this.pauses.targets
      await this.pauses.load()
      for (const target of new Set([...before, ...this.pauses.targets])) this.#owner.pauseAsKept(target)
    }
  }
}
