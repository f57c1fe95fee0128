import type { RuleInfo } from './contract.ts'

export interface InvocationInput {
  readonly id?: string | undefined
  readonly payload?: unknown
  readonly context?: object | undefined
  readonly key?: string | undefined
}

/** The event that runs one rule, and no other. */
export function invocation({ id: rule }: Pick<RuleInfo, 'id'>, { id, payload, context, key }: InvocationInput): object {
  return {
    type: 'bingo.rule.invoke',
    payload: payload ?? {},
    metadata: { invoke: rule },
    ...(id !== undefined && { id }),
    ...(context !== undefined && { context }),
    ...(key !== undefined && { key }),
  }
}
