import type { ActionPlan, DeliveryFailure, SendResult, Target } from '../../src/model/action.ts'
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

  async [Symbol.asyncDispose](): Promise<void> {
    await this.target.close()
  }
}
