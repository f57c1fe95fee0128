import { Outlet } from '../act/outlet.ts'
import { thrownFailure } from '../act/failure.ts'
import { actionTypes } from '../act/registry.ts'
import type { ActionPlan, DeliveryFailure, Log, Target } from '../core/action.ts'
import { systemClock } from '../core/clock.ts'
import type { DeadLetter } from '../core/dead-letter.ts'
import { BingoError } from '../core/errors.ts'
import type { RuleSet } from '../core/rule.ts'
import { sampleChange } from './sample-change.ts'

interface Opened {
  readonly target: Target
  readonly outlet: Outlet
}

/** Sends dead letters by the rules as they are now. Targets are opened when first needed. */
export class Resender implements AsyncDisposable {
  private readonly name: string
  private readonly ruleSet: RuleSet
  private readonly log: Log
  private readonly signal: AbortSignal
  private readonly targets = new Map<string, Promise<Opened>>()

  /** `name` is that of the instance whose events these are. */
  constructor(name: string, ruleSet: RuleSet, log: Log, signal: AbortSignal) {
    this.name = name
    this.ruleSet = ruleSet
    this.log = log
    this.signal = signal
  }

  /** Resolves to why the target did not take it, or null when it did. */
  async send(letter: DeadLetter): Promise<DeliveryFailure | null> {
    let job
    try {
      const action = this.actionOf(letter)
      const change = sampleChange(letter.event)
      // A key that an UPDATE left behind has a letter of its own (act/failure-handler.ts).
      const former = letter.id.endsWith('#former') ? action.bindFormerKey?.(change.table) : undefined
      const payload = (former ?? action.bind(change.table))(change)
      job = { action, change, payload, rowKey: letter.rowKey, lane: 0, bytes: 0 }
    } catch (error) {
      if (error instanceof BingoError) return thrownFailure('poison', error)
      throw error
    }
    try {
      const { outlet } = await this.opened(job.action)
      return await outlet.send(job)
    } catch (error) {
      return thrownFailure('down', error)
    }
  }

  /** Everything that was sent has been removed, and nothing is left. */
  async allDone(): Promise<void> {
    for (const opened of this.targets.values()) {
      await opened.then(({ target }) => target.retryIsDone?.()).catch(() => undefined)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const opened of this.targets.values()) {
      await opened.then(({ target }) => target.close()).catch(() => undefined)
    }
  }

  private actionOf({ ruleId, actionIndex, actionType }: DeadLetter): ActionPlan {
    const rule = this.ruleSet.rules.find(({ id }) => id === ruleId)
    const action = rule?.actions[actionIndex]
    if (action?.type === actionType) return action
    throw new BingoError(
      'BINGO_RULE_UNKNOWN',
      `there is no enabled rule "${ruleId}" with a ${actionType} action ${actionIndex + 1}`,
      {
        hint: 'Bring the rule back, or drop the entry.',
      },
    )
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
