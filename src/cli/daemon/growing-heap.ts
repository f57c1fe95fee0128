import type { Clock } from '../../model/clock.ts'
import type { Stats } from '../../model/stats.ts'

/** Waiting events from which it pays: fewer come and go without being noticed. */
const MANY = 1_000
const LOOK_MS = 100
/** By how much the heap may outgrow what was alive in it, while many events wait; 0: as V8 thinks fit. */
const SPARING_PERCENT = 30
const FLAG = '--heap-growing-percent='

/**
 * Events on their way into the store, and out of it, live just long enough to become old objects. V8 lets those grow to a
 * multiple of what is alive before it collects them: 50 MB and more of garbage for nothing but fewer collections. While many
 * events wait, it collects sooner. `setFlags`: that of node:v8.
 */
export function growSparingly(
  stats: Stats,
  clock: Pick<Clock, 'every'>,
  setFlags: (flags: string) => void,
): Disposable {
  let isSparing = false
  const timer = clock.every(LOOK_MS, () => {
    let waiting = 0
    for (const { count } of stats.waiting.lines.values()) waiting += count
    if (waiting >= MANY === isSparing) return
    isSparing = !isSparing
    setFlags(FLAG + String(isSparing ? SPARING_PERCENT : 0))
  })
  return { [Symbol.dispose]: () => timer.cancel() }
}
