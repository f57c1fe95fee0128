import type { Sendable } from '../../model/rule/action.ts'

/** Names one effect: the same after every replay, and not the same as one of another server with the same log name. */
export function effectId({ id, at, action }: Sendable): string {
  return `${id}@${at}#${action.rule.id}#${action.identity}`
}
