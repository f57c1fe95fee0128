import type { DeliveryFailure, Outcome, SendResult, Target } from '../../src/model/rule/action.ts'
import type { ActionPlan } from '../../src/model/rule/rule.ts'
import { jobFor } from '../unit/targets/action-spec.ts'

const { signal } = new AbortController()

/** An open target of one action; `send` makes an UPDATE of each row. */
export class TargetSender implements AsyncDisposable {
  readonly plan: ActionPlan
  private readonly target: Target

  constructor(plan: ActionPlan, target: Target) {
    this.plan = plan
    this.target = target
  }

  send(...ids: number[]): Promise<SendResult> {
    return this.target.send(
      ids.map((id, seq) => jobFor(this.plan, { id, status: 1 }, seq)),
      signal,
    )
  }

  /** Sends one event; its failure, or null when it was taken. */
  async failure(id = 1): Promise<DeliveryFailure | null> {
    return (await this.send(id))?.[0] ?? null
  }

  /** Sends one event and reads the answer. */
  ask(id: number): Promise<Outcome> {
    return this.target.ask!(jobFor(this.plan, { id, status: 1 }, 0), signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.target.close()
  }
}
