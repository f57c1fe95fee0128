import type { EventEnvelope } from './event-record.ts'

/** Types that only BinGo itself posts begin so. */
export const RESERVED_TYPES = 'bingo.'

const INVOKE_TYPE = 'bingo.rule.invoke'

export interface InvocationInput {
  readonly id?: string | undefined
  readonly payload?: unknown
  readonly context?: object | undefined
  readonly key?: string | undefined
}

/** The event that runs one rule and no other, whatever the rule's `on`, `match` and `filter` say. */
export function invocation(rule: string, { id, payload, context, key }: InvocationInput): object {
  return {
    type: INVOKE_TYPE,
    payload: payload ?? {},
    metadata: { invoke: rule },
    ...(id !== undefined && { id }),
    ...(context !== undefined && { context }),
    ...(key !== undefined && { key }),
  }
}

/** Id of the rule that an event invokes; undefined: it is for all rules that match it. */
export function invokedRule({ type, metadata }: Pick<EventEnvelope, 'type' | 'metadata'>): string | undefined {
  const rule = type === INVOKE_TYPE ? metadata['invoke'] : undefined
  return typeof rule === 'string' ? rule : undefined
}
