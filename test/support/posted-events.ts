import type { EventEnvelope } from '../../src/model/event/posted/event-record.ts'
import type { PostedEvent } from '../../src/model/event/posted/posted-event.ts'
import type { ActionPlan } from '../../src/model/rule/rule.ts'
import type { MatchSink } from '../../src/match/program/match-sink.ts'
import { samplePosted } from '../../src/rules/samples/sample-event.ts'

/** A posted event of which only what matters is given; its type defaults to `orders.order.create`. */
export function posted(
  fields: Partial<Omit<EventEnvelope, 'timestamp'>> & { readonly timestamp?: string } = {},
): PostedEvent {
  return samplePosted({ id: 'e1', type: 'orders.order.create', timestamp: '2026-11-28T10:00:00.000Z', ...fields })
}

/** Notes what rules make of events: `rule#action payload`, or `rule#action CODE`. */
export class RecordingSink implements MatchSink {
  readonly seen: string[] = []
  readonly rules: string[] = []

  matched({ rule, index }: ActionPlan, _change: unknown, payload: unknown): void {
    this.seen.push(`${rule.id}#${index} ${JSON.stringify(payload)}`)
  }

  deferred({ rule, index }: ActionPlan): void {
    this.seen.push(`${rule.id}#${index} deferred`)
  }

  cancelled(): void {
    this.seen.push('cancelled')
  }

  newer(): void {
    this.seen.push('newer')
  }

  exceeded(): null {
    return null
  }

  failed({ rule, index }: ActionPlan, _change: unknown, { error }: Parameters<MatchSink['failed']>[2]): void {
    this.seen.push(`${rule.id}#${index} ${error.code}`)
  }

  ruleMatched({ id }: { readonly id: string }): void {
    this.rules.push(id)
  }
}
