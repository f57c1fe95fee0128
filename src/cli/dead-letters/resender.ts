import { namedAction, ownAction } from '../../deliver/dead-letters/own-action.ts'
import { Outlet } from '../../deliver/outlet.ts'
import { thrownFailure } from '../../targets/failure/failure.ts'
import { actionTypes } from '../../targets/registry.ts'
import type { ActionPlan, DeliveryFailure, Sendable, Log, Payload, Target } from '../../model/action.ts'
import { systemClock } from '../../model/clock.ts'
import type { Change } from '../../model/change.ts'
import type { DeadLetter } from '../../model/dead-letter.ts'
import { BingoError } from '../../model/errors.ts'
import { keyChanged } from '../../model/row-key.ts'
import type { RuleSet } from '../../model/rule.ts'
import { letterChange } from './letter-change.ts'

interface Opened {
  readonly target: Target
  readonly outlet: Outlet
}

/** What a target took that wants to know when it has left the store of dead letters. */
interface Taken {
  readonly target: Target
  readonly job: Sendable
}

/** Sends dead letters by the rules as they are now. Targets are opened when first needed. */
export class Resender implements AsyncDisposable {
  private readonly name: string
  private readonly ruleSet: RuleSet
  private readonly log: Log
  private readonly signal: AbortSignal
  private readonly by: ActionPlan | null
  private readonly targets = new Map<string, Promise<Opened>>()
  /** By letter, until it is removed. */
  private readonly taken = new Map<string, readonly Taken[]>()
  /** Events that were not sent because their rule, as it is now, does not match them. */
  unmatched = 0

  /** `name` is that of the instance whose events these are. */
  constructor(name: string, ruleSet: RuleSet, log: Log, signal: AbortSignal, by?: string) {
    this.by = by === undefined ? null : namedAction(by, ruleSet)
    this.name = name
    this.ruleSet = ruleSet
    this.log = log
    this.signal = signal
  }

  /** Resolves to why the target did not take it, or null when it did, or when the rule does not match it any more. */
  async send(letter: DeadLetter): Promise<DeliveryFailure | null> {
    let action
    let change
    let payloads
    try {
      change = letterChange(letter)
      action = this.by ?? ownAction(letter, this.ruleSet)
      payloads = matches(action, letter, change) ? payloadsOf(action, letter, change) : []
    } catch (error) {
      if (error instanceof BingoError) return thrownFailure('poison', error)
      throw error
    }
    if (payloads.length === 0) this.unmatched += 1
    const taken: Taken[] = []
    for (const payload of payloads) {
      const { id, transaction } = change
      const job: Sendable = { id, key: letter.rowKey, at: transaction.timestampUs, payload, action }
      const failure = await this.deliver(job, taken)
      if (failure !== null) return failure
    }
    if (taken.length > 0) this.taken.set(letter.id, taken)
    return null
  }

  private async deliver(job: Sendable, taken: Taken[]): Promise<DeliveryFailure | null> {
    try {
      const { target, outlet } = await this.opened(job.action)
      const failure = await outlet.send(job)
      if (failure === null && target.retried !== undefined) taken.push({ target, job })
      return failure
    } catch (error) {
      return thrownFailure('down', error)
    }
  }

  /** Letters that were sent have left their store. */
  async removed(ids: readonly string[]): Promise<void> {
    const removed = ids.flatMap((id) => this.taken.get(id) ?? [])
    for (const id of ids) this.taken.delete(id)
    // A target that is told nothing only remembers them for longer.
    for (const [target, taken] of Map.groupBy(removed, (each) => each.target)) {
      await target.retried!(taken.map(({ job }) => job)).catch(() => undefined)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const opened of this.targets.values()) {
      await opened.then(({ target }) => target.close()).catch(() => undefined)
    }
  }

  private opened({ target: config }: ActionPlan): Promise<Opened> {
    let opened = this.targets.get(config.id)
    if (opened === undefined) {
      opened = actionTypes()
        .get(config.type)!
        .open(config, {
          log: this.log,
          now: () => Date.now(),
          run: { name: this.name, epoch: null, window: null },
        })
        .then((target) => ({ target, outlet: new Outlet(target, systemClock, this.signal) }))
      this.targets.set(config.id, opened)
    }
    return opened
  }
}

/** Asks what could not be answered when the letter was written; what had been answered then is not asked again. */
function matches({ rule, when }: ActionPlan, { stage }: DeadLetter, change: Change): boolean {
  if (stage === 'filter' && rule.filter !== null && !rule.filter.bind(change.table)(change)) return false
  return when === null || (stage !== 'filter' && stage !== 'when') || when.bind(change.table)(change)
}

/** What to send, in this order: mostly one thing. */
function payloadsOf(action: ActionPlan, { id, stage }: DeadLetter, change: Change): readonly Payload[] {
  const { table, op, old, new: new_ } = change
  const payload = () => action.bind(table)(change)
  if (action.bindFormerKey === undefined) return [payload()]
  const former = () => action.bindFormerKey!(table)(change)
  // A key that an UPDATE left behind has a letter of its own (deliver/failure-handler.ts), if it could be rendered at all.
  if (id.endsWith('#former')) return [former()]
  return stage !== undefined && keyChanged(table, op, old, new_) ? [former(), payload()] : [payload()]
}
