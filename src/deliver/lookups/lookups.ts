import type { Clock } from '../../model/clock.ts'
import type { Budget } from '../../model/delivery/budget.ts'
import type { DropResult } from '../../model/delivery/deliveries.ts'
import type { Preparation, Prepared } from '../../model/delivery/preparation.ts'
import type { LookupReader } from '../../model/delivery/lookup-reader.ts'
import { EvaluationError } from '../../model/errors.ts'
import type { Change } from '../../model/event/change.ts'
import type { LookedUp } from '../../model/event/facts.ts'
import type { Log } from '../../model/rule/action.ts'
import type { Lookup, LookupRows } from '../../model/rule/lookup.ts'
import type { RuleSet } from '../../model/rule/rule-set.ts'
import type { LookupConnection } from './lookup-connection.ts'
import { LookupQueue } from './lookup-queue.ts'

export interface LookupsDeps {
  readonly open: (lookup: Lookup) => LookupConnection
  readonly clock: Clock
  readonly log: Log
  readonly budget: Budget
  readonly whenDown: 'wait' | 'fail'
}

/** One queue per lookup of a rule, made when it is first asked; it shows as a target does in metrics, health and status. */
export class Lookups implements LookupReader {
  private readonly deps: LookupsDeps
  private readonly queues = new Map<string, LookupQueue>()
  private named: ReadonlyMap<string, Lookup> = new Map()

  constructor(deps: LookupsDeps) {
    this.deps = deps
  }

  async prepare(preparation: Preparation, bytes: number): Promise<Prepared> {
    try {
      return preparation.finish(await this.rows(preparation.lookups, preparation.change, bytes))
    } catch (error) {
      if (!(error instanceof EvaluationError)) throw error
      return { tag: 'failed', failure: { stage: preparation.stage, code: error.code, message: error.message } }
    }
  }

  /** Rejects with EvaluationError for what the event cannot have, else with BingoError (`whenDown: fail` only). */
  async rows(lookups: readonly Lookup[], change: Change, bytes: number): Promise<LookupRows> {
    // All at once: they do not wait for each other. Nothing is awaited before, so that neighbours are asked together.
    const found = await Promise.all(lookups.map((lookup) => this.row(lookup, change, bytes)))
    return Object.fromEntries(lookups.map(({ name }, i) => [name, found[i]!]))
  }

  useRules({ rules }: RuleSet): void {
    this.named = new Map(rules.flatMap(({ lookups = [] }) => lookups).map((lookup) => [nameOf(lookup), lookup]))
    for (const [name, queue] of this.queues) {
      const lookup = this.named.get(name)
      if (lookup !== undefined) queue.use(lookup)
      else this.unname(name, queue)
    }
  }

  drop(server: string): DropResult {
    const queue = this.queues.get(server)
    if (queue === undefined) return 'unknown'
    if (this.named.has(server)) return 'named'
    const dropped = queue.drop()
    this.forget(server, queue)
    return { dropped }
  }

  get onlyDownLeft(): boolean {
    const busy = [...this.queues.values()].filter(({ idle }) => !idle)
    return busy.length > 0 && busy.every(({ isDown }) => isDown)
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.queues.values()].map((queue) => queue.close()))
  }

  private async row(lookup: Lookup, change: Change, bytes: number): Promise<LookedUp | null> {
    const found = await this.queue(lookup).ask(change, bytes)
    if (found !== null || lookup.missing === 'null') return found
    const { ruleId, name, location } = lookup
    const place = `${location.file}:${location.line}:${location.column}`
    throw new EvaluationError('BINGO_LOOKUP_MISSING', `rule "${ruleId}": lookup.${name} finds no row (${place})`, {
      hint: 'write missing: null where a row may be missing',
    })
  }

  private queue(lookup: Lookup): LookupQueue {
    const name = nameOf(lookup)
    let queue = this.queues.get(name)
    if (queue === undefined) {
      const { open, clock, log, budget, whenDown } = this.deps
      const state = budget.target({ id: name, type: 'lookup' })
      queue = new LookupQueue(this.named.get(name) ?? lookup, { open, clock, log, state, whenDown })
      this.queues.set(name, queue)
    }
    return queue
  }

  private unname(name: string, queue: LookupQueue): void {
    const state = this.deps.budget.targets.get(name)
    if (queue.idle) this.forget(name, queue)
    else if (state !== undefined && state.unnamedSince === 0) state.unnamedSince = this.deps.clock.now()
  }

  private forget(name: string, queue: LookupQueue): void {
    this.queues.delete(name)
    const state = this.deps.budget.targets.get(name)
    if (state !== undefined) this.deps.budget.forget(state)
    void queue.close()
  }
}

/** Also its name in logs and metrics. */
function nameOf({ ruleId, name }: Lookup): string {
  return `lookup ${ruleId}.${name}`
}
