import { runInNewContext } from 'node:vm'
import type { Clock } from '../../model/clock.ts'
import type { Stats } from '../../model/stats.ts'

/** Waiting events from which it pays: fewer come and go without being noticed. */
const MANY = 1_000
const LOOK_MS = 100
/** By how much the heap may outgrow what was alive in it, while many events wait; 0: as V8 thinks fit. */
const SPARING_PERCENT = 30
/** It grows so for this long after the last look at which many waited: their number goes up and down around `MANY`. */
const SPARING_MS = 10_000
/** Between two collections that are asked for: the number may go up and down for hours. */
const COLLECT_MS = 60_000
const GROWING = '--heap-growing-percent='

/** What is done with V8. */
export interface HeapControls {
  setFlags(flags: string): void
  /** A full collection, which takes some 20 ms. */
  collect(): void
  /** As V8 does before it would be out of memory, which takes some 60 ms: code and caches that are not in use go as well. */
  release(): void
}

/** Behind the first connections, tables and rules, and before most of the work. */
const STARTED_MS = 500

/** Gives back what only the start needed: about 18 MB of an idle daemon, which V8 would keep for ever. */
export function releaseAfterStart(clock: Pick<Clock, 'after'>, heap: Pick<HeapControls, 'release'>): Disposable {
  const timer = clock.after(STARTED_MS, () => heap.release())
  return { [Symbol.dispose]: () => timer.cancel() }
}

/**
 * Events on their way into the store, and out of it, live just long enough to become old objects. V8 lets those grow to a
 * multiple of what is alive before it collects them: 50 MB and more of garbage for nothing but fewer collections. While many
 * events wait, it collects sooner. How far the heap may grow is decided when it is collected: that is done at once. Pages
 * that the heap does not need any more V8 keeps for itself: it gives them back when nothing waits any more.
 */
export function growSparingly(
  stats: Stats,
  clock: Pick<Clock, 'every' | 'monotonicMs'>,
  heap: HeapControls,
): Disposable {
  let isSparing = false
  let muchAtMs = -Infinity
  let collectedAtMs = -Infinity
  let releasedAtMs = -Infinity
  /** It may have pages that it does not need any more. */
  let isOutgrown = false
  const timer = clock.every(LOOK_MS, () => {
    const now = clock.monotonicMs()
    if (isMuch(stats)) muchAtMs = now
    if (now < muchAtMs + SPARING_MS !== isSparing) {
      isSparing = !isSparing
      isOutgrown = true
      heap.setFlags(GROWING + String(isSparing ? SPARING_PERCENT : 0))
      if (isSparing && now >= collectedAtMs + COLLECT_MS) {
        collectedAtMs = now
        heap.collect()
      }
    }
    if (isSparing || !isOutgrown || now < releasedAtMs + COLLECT_MS) return
    isOutgrown = false
    releasedAtMs = now
    heap.release()
  })
  return { [Symbol.dispose]: () => timer.cancel() }
}

/** Much waits in the store, or is about to: for a target that takes nothing. */
function isMuch({ waiting, budget }: Stats): boolean {
  let count = waiting.unwritten
  for (const line of waiting.lines.values()) count += line.count
  for (const target of budget.targets.values()) if (target.isShut) count += target.queued
  return count >= MANY
}

type Collect = (options?: { readonly type: 'major'; readonly flavor: 'last-resort' }) => void

/** Node hands out the function that collects to contexts that are made while a flag says so. */
export function heapControls(setFlags: (flags: string) => void): HeapControls {
  let found: Collect | null = null
  const collector = (): Collect => {
    setFlags('--expose-gc')
    found ??= runInNewContext('gc') as Collect
    setFlags('--no-expose-gc')
    return found
  }
  return {
    setFlags,
    // Without any argument: with one that is undefined, V8 collects young objects only.
    collect: () => collector()(),
    release: () => collector()({ type: 'major', flavor: 'last-resort' }),
  }
}
