import type { Sendable } from '../../src/model/rule/action.ts'
import type { ActionPlan } from '../../src/model/rule/rule.ts'
import { jobFor } from '../unit/targets/action-spec.ts'

/** Changes of a few rows in turn; `status` counts the changes of its row from 1, as the checker of the fault tests wants it. */
export class RowHistory {
  readonly #plan: ActionPlan
  readonly #rows: number
  readonly #last = new Map<string, number>()
  #written = 0

  constructor(plan: ActionPlan, rows: number) {
    this.#plan = plan
    this.#rows = rows
  }

  get written(): number {
    return this.#written
  }

  next(count: number): Sendable[] {
    return Array.from({ length: count }, () => {
      const id = this.#written++ % this.#rows
      const status = (this.#last.get(String(id)) ?? 0) + 1
      this.#last.set(String(id), status)
      return jobFor(this.#plan, { id, status }, this.#written)
    })
  }

  /** Row → number of its changes. */
  get final(): ReadonlyMap<string, number> {
    return this.#last
  }
}
