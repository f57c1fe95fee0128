import type { Job } from '../../model/action.ts'

/** Names one effect: the same after every replay, and not the same as one of another server with the same log name. */
export function effectId({ action, change }: Job): string {
  return `${change.id}@${change.transaction.timestampUs}#${action.rule.id}#${action.index}`
}
