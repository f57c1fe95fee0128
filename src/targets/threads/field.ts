import { availableParallelism } from 'node:os'
import type { ActionSpec } from '../../model/rule/action.ts'
import type { FieldSpec } from '../../model/rule/action-field.ts'

/** More threads rarely have enough requests in flight to be busy, and each takes memory. */
const MOST = 16
const MOST_BY_ITSELF = 4
/** Cores that `auto` leaves to the daemon's own thread and to its collector and compiler. */
const OTHERS = 2

/** `threads`, of targets whose client takes more of the processor than what comes before it. */
export const THREADS_FIELD: FieldSpec = {
  kind: 'integer',
  word: 'auto',
  doc: 'Threads that send, beside the daemon’s own: a number up to 16, or `auto` for up to 4 by the cores. Default: 0.',
}

/** How many; 0: the daemon's own thread sends. */
export function compileThreads(spec: ActionSpec, cores = availableParallelism()): number {
  if (spec.string('threads') === 'auto') return Math.max(0, Math.min(MOST_BY_ITSELF, cores - OTHERS))
  const threads = spec.number('threads') ?? 0
  if (threads > MOST) spec.fail('threads', 'BINGO_RULE_THREADS', `\`threads\` must be at most ${MOST}`)
  return threads
}
