import type { ActionSpec } from '../../model/rule/action.ts'
import { isWholeRow } from './whole-row.ts'

/** What becomes of NULLs, where the command has a choice. */
export function compileNulls(spec: ActionSpec, command: string): string | undefined {
  const nulls = spec.string('nulls')
  const fail = (message: string, hint: string): void => spec.fail('nulls', 'BINGO_RULE_REDIS_NULLS', message, hint)
  const removes = command === 'DEL' || command === 'UNLINK'
  if (nulls !== undefined && removes !== (nulls === 'skip')) {
    if (removes) fail(`${command} cannot have \`nulls: ${nulls}\``, 'write `nulls: skip`')
    else fail('`nulls: skip` is for `keys` of DEL and UNLINK', 'write `nulls: omit` or `nulls: empty`')
  } else if (nulls === 'skip' && !spec.has('keys')) {
    fail('`nulls: skip` leaves out one of several `keys`', 'write `keys: [...]`, or filter such rows out')
  } else if (nulls !== undefined && !removes && !isWholeRow(spec)) {
    fail('`nulls` is for `fields` that one expression gives', 'write `fields: "{{new}}"`')
  }
  if (command === 'HSET' && isWholeRow(spec) && nulls !== 'empty' && spec.boolean('exactlyOnce') === true) {
    const hint = 'set `nulls: empty`, or leave `exactlyOnce` out: HSET of a whole row converges'
    spec.fail('exactlyOnce', 'BINGO_RULE_REDIS_NULLS', 'what removes the fields that are NULL is not recorded', hint)
  }
  return nulls
}
