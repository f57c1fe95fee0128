import type { Clock } from '../../model/clock.ts'
import type { ActionPlan } from '../../model/rule/rule.ts'
import { RateLimit } from './rate-limit.ts'

/** How long the next turn is kept for whoever waits for it: it may have nothing to send any more. */
const KEPT_MS = 20
/** Whoever lets the other one through looks again. */
const LET_THROUGH_MS = 1

/** Who sends by the same limits. */
export type Sender = 'lanes' | 'commands'

/** `rate` of one target, and of the actions that send to it. Lanes and commands that wait for the target's take turns. */
export class RateLimits {
  private readonly clock: Clock
  private readonly ofActions = new Map<ActionPlan, RateLimit>()
  private ofTarget: RateLimit | null = null
  private targetRate: number | null = null
  private last: Sender | null = null
  private kept: { readonly sender: Sender; readonly untilMs: number } | null = null

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** For all that is sent to the target together; null: no limit. */
  limitTarget(perSecond: number | null): void {
    if (perSecond === this.targetRate) return
    this.targetRate = perSecond
    this.ofTarget = perSecond === null ? null : new RateLimit(perSecond, this.clock)
  }

  /** Sends per second to the target; null: no limit. */
  get perSecond(): number | null {
    return this.targetRate
  }

  /** Whether sends of this action are counted. */
  limits({ ratePerSecond }: ActionPlan): boolean {
    return ratePerSecond !== null || this.ofTarget !== null
  }

  /** Milliseconds until one more of this action may go; 0: it may go now, and counts as gone. */
  take(action: ActionPlan, sender: Sender): number {
    const { ofTarget } = this
    if (!this.limits(action)) return 0
    const ofAction = this.limitOf(action)
    const actionWaitMs = ofAction?.waitMs() ?? 0
    // What its own limit holds back takes no turn.
    if (actionWaitMs > 0) return actionWaitMs
    const waitMs = ofTarget === null ? 0 : this.turnWaitMs(ofTarget, sender)
    if (waitMs > 0) return waitMs
    ofAction?.take(1)
    ofTarget?.take(1)
    this.last = sender
    this.kept = null
    return 0
  }

  private turnWaitMs(ofTarget: RateLimit, sender: Sender): number {
    const waitMs = ofTarget.waitMs()
    const now = this.clock.monotonicMs()
    if (waitMs > 0) {
      if (sender !== this.last) this.kept = { sender, untilMs: now + waitMs + KEPT_MS }
      return waitMs
    }
    const { kept } = this
    return kept === null || kept.sender === sender || now >= kept.untilMs ? 0 : LET_THROUGH_MS
  }

  private limitOf(action: ActionPlan): RateLimit | null {
    if (action.ratePerSecond === null) return null
    let limit = this.ofActions.get(action)
    if (limit === undefined) this.ofActions.set(action, (limit = new RateLimit(action.ratePerSecond, this.clock)))
    return limit
  }
}
