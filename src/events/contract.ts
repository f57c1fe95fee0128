import type { EventSink } from '../model/event/posted/event-sink.ts'
import type { EventPublisher } from '../model/event/posted/posting.ts'
import type { EventProvider } from '../model/state/event-provider.ts'

/** Posted events, while an instance takes them in. */
export interface Events {
  readonly provider: Pick<EventProvider, 'can' | 'log' | 'get' | 'list' | 'cancel' | 'replay' | 'progress'>
  readonly publisher: EventPublisher
  /** Takes the events that rules make. */
  readonly sink: EventSink
}

/** A rule, as those see it who turn it on and off. */
export interface RuleInfo {
  readonly id: string
  readonly description: string | null
  /** Patterns of event types; empty for a rule on tables alone. */
  readonly on: readonly string[]
  readonly manual: boolean
  readonly tags: readonly string[]
  readonly version: string
  readonly enabled: boolean
  /** Milliseconds since 1970. */
  readonly disabledAt: number | null
  readonly disabledBy: string | null
}

/** Turns rules on and off; it is remembered over restarts. */
export interface RuleSwitches {
  list(): readonly RuleInfo[]
  /** Null: there is no such rule. Resolves when it is durable; rejects with the BingoError of the state store. */
  set(id: string, enabled: boolean, by: string): Promise<RuleInfo | null>
}
