import type { ActionPlan, DeliveryFailure, SendResult, Target } from '../../src/core/action.ts'
import { compile, jobFor } from '../unit/act/action-spec.ts'
import { silentLog } from './jobs.ts'

const { signal } = new AbortController()

/** A webhook target as a rule with these fields would have it; `send` makes an UPDATE of each row. */
export class WebhookSender implements AsyncDisposable {
  private readonly plan: ActionPlan
  private readonly target: Target

  private constructor(plan: ActionPlan, target: Target) {
    this.plan = plan
    this.target = target
  }

  static async open(
    fields: { readonly url: string; readonly [name: string]: unknown },
    overrides: Partial<ActionPlan> = {},
  ): Promise<WebhookSender> {
    const { plan, type, problems } = compile({ type: 'webhook', body: { id: '{{id}}' }, ...fields }, overrides)
    if (problems.length > 0) throw new Error(`no valid action: ${JSON.stringify(problems)}`)
    return new WebhookSender(plan, await type.open(plan.target, { log: silentLog, now: Date.now }))
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

/** `KIND CODE` of each failure, null for what was taken. */
export function summary(result: SendResult): (string | null)[] | undefined {
  return result?.map((failure) => failure && `${failure.kind} ${failure.error.code}`)
}
