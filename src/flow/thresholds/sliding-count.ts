import { Decimal } from '../../rules/language/decimal.ts'
import type { Counted, Threshold } from '../../model/rule/threshold.ts'

/** Events of one time. */
export interface Bucket {
  /** Commit time of the newest of them, milliseconds since 1970. */
  readonly at: number
  readonly count: number
  /** Null where nothing is added up. */
  readonly sum: Decimal | null
}

/** What is known of one group. Never changed: whoever keeps it can go back to it. */
export interface GroupCount {
  /** Oldest first; at most MOST_BUCKETS. */
  readonly buckets: readonly Bucket[]
  /** Commit time of the event for which the rule fired last; 0: never. */
  readonly firedAt: number
}

export interface Total {
  readonly group: GroupCount
  readonly count: number
  readonly sum: Decimal | null
  /** The rule fires. */
  readonly fires: boolean
}

/** Times that are told apart. A group with more of them within its window is counted in steps of a part of it. */
const MOST_BUCKETS = 120
const STEPS = 60

export const NEW_GROUP: GroupCount = { buckets: [], firedAt: 0 }

/**
 * Counts an event that was committed at `at`, by the clock of the server: replaying the same events gives the same. Exact
 * while a window holds at most 120 different times; with more an event counts for up to 1/60 of the window longer.
 */
export function countIn(group: GroupCount, at: number, { amount }: Counted, threshold: Threshold): Total {
  // Transactions that were committed side by side may stand in the binlog in another order than their times.
  const now = Math.max(at, group.buckets.at(-1)?.at ?? 0)
  const added = amount === null ? null : (Decimal.of(amount) ?? null)
  const buckets = joined(group.buckets, { at: now, count: 1, sum: added }, threshold.withinMs)
  let count = 0
  let sum: Decimal | null = null
  for (const bucket of buckets) {
    count += bucket.count
    if (bucket.sum !== null) sum = sum === null ? bucket.sum : sum.plus(bucket.sum)
  }
  const reached = threshold.sums ? (sum ?? ZERO) : new Decimal(BigInt(count), 0)
  const exceeded = reached.compare(Decimal.of(threshold.above)!) > 0
  const fires = exceeded && (group.firedAt === 0 || now >= group.firedAt + threshold.againMs)
  return { group: { buckets, firedAt: fires ? now : group.firedAt }, count, sum, fires }
}

/** Nothing of it counts any more at `now`. */
export function isOver({ buckets, firedAt }: GroupCount, now: number, { withinMs, againMs }: Threshold): boolean {
  const newest = buckets.at(-1)?.at ?? 0
  return newest <= now - withinMs && (firedAt === 0 || now >= firedAt + againMs)
}

const ZERO = new Decimal(0n, 0)

function joined(before: readonly Bucket[], added: Bucket, withinMs: number): readonly Bucket[] {
  const kept = before.filter(({ at }) => at > added.at - withinMs)
  const last = kept.at(-1)
  if (last?.at === added.at) return [...kept.slice(0, -1), together(last, added)]
  const buckets = [...kept, added]
  return buckets.length <= MOST_BUCKETS ? buckets : inSteps(buckets, Math.max(1, withinMs / STEPS))
}

function inSteps(buckets: readonly Bucket[], stepMs: number): readonly Bucket[] {
  const steps = new Map<number, Bucket>()
  for (const bucket of buckets) {
    const step = Math.floor(bucket.at / stepMs)
    const known = steps.get(step)
    steps.set(step, known === undefined ? bucket : together(known, bucket))
  }
  return [...steps.values()]
}

function together(one: Bucket, other: Bucket): Bucket {
  const sum = one.sum === null ? other.sum : other.sum === null ? one.sum : one.sum.plus(other.sum)
  return { at: Math.max(one.at, other.at), count: one.count + other.count, sum }
}
