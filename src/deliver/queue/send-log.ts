import type { Sendable, SendResult } from '../../model/rule/action.ts'
import type { ActionPlan } from '../../model/rule/rule.ts'

/** Events named in one line. */
const IDS_PER_LINE = 100

export type WriteLine = (fields: object, message: string) => void

/** One line per send, action and status, which names the events: answers whether one was delivered, when and where to. */
export function logSend(
  write: WriteLine,
  target: string,
  batch: readonly Sendable[],
  result: SendResult,
  ms: number,
): void {
  const events = new Map<ActionPlan, Map<string, string[]>>()
  for (const [i, { action, id, ids: several }] of batch.entries()) {
    const status = result?.[i]?.error.code ?? 'delivered'
    const ofAction = events.get(action) ?? new Map<string, string[]>()
    events.set(action, ofAction)
    const ids = ofAction.get(status) ?? []
    ofAction.set(status, ids)
    ids.push(...(several ?? [id]))
  }
  for (const [{ rule, type, identity }, byStatus] of events) {
    for (const [status, ids] of byStatus) {
      for (let from = 0; from < ids.length; from += IDS_PER_LINE) {
        const some = ids.slice(from, from + IDS_PER_LINE)
        const fields = {
          rule: rule.id,
          action: type,
          actionId: identity,
          target,
          status,
          ms: Math.round(ms),
          events: some,
        }
        write(fields, 'sent')
      }
    }
  }
}
