import type { SendResult } from '../../src/model/rule/action.ts'
import type { ActionPlan } from '../../src/model/rule/rule.ts'
import { compile } from '../unit/targets/action-spec.ts'
import { silentLog } from './jobs.ts'
import { TargetSender } from './target-sender.ts'

/** A webhook target as a rule with these fields would have it; `send` makes an UPDATE of each row. */
export class WebhookSender extends TargetSender {
  static async open(
    fields: { readonly url: string; readonly [name: string]: unknown },
    overrides: Partial<ActionPlan> = {},
  ): Promise<WebhookSender> {
    const body = 'text' in fields ? {} : { body: { id: '{{id}}' } }
    const { plan, type, problems } = compile({ type: 'webhook', ...body, ...fields }, overrides)
    if (problems.length > 0) throw new Error(`no valid action: ${JSON.stringify(problems)}`)
    return new WebhookSender(plan, await type.open(plan.target, { log: silentLog, now: Date.now }))
  }
}

/** `KIND CODE` of each failure, null for what was taken. */
export function summary(result: SendResult): (string | null)[] | undefined {
  return result?.map((failure) => failure && `${failure.kind} ${failure.error.code}`)
}
