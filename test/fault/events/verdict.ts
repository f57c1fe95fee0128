/** `unknown`: it was posted and never answered, so it may be stored or not. */
export type Fate = 'unknown' | 'posted' | 'cancelled'

export interface PostedFate {
  readonly fate: Fate
  readonly writer: number
  /** The payload that was answered last. */
  readonly v: number
}

/** An effect as the target noted it, in its order. */
export interface Effect {
  readonly id: string
  readonly key: string
  readonly v: number
  /** Which instance sent it. */
  readonly by: string
}

/** An entry of the log, in its order. */
export interface Logged {
  readonly id: string
  readonly key: string | null
}

export interface EventVerdict {
  /** Answered with 200, and without an effect. */
  readonly lost: readonly string[]
  /** In the log more than once. */
  readonly doubled: readonly string[]
  /** Effects for the first time behind that of a later entry of their key. */
  readonly reordered: readonly string[]
  /** Effects of what was never posted, of another payload than was answered, or after a cancellation was answered. */
  readonly phantoms: readonly string[]
  /** Effects repeated with the same id. */
  readonly duplicates: number
}

/** Compares what was answered, what is in the log, and what arrived. */
export function judgeEvents(
  fates: ReadonlyMap<string, PostedFate>,
  logged: readonly Logged[],
  effects: readonly Effect[],
): EventVerdict {
  const seen = new Set<string>()
  const phantoms: string[] = []
  let duplicates = 0
  const first: Effect[] = []
  for (const effect of effects) {
    const known = fates.get(effect.id)
    const isRight =
      known !== undefined && known.fate !== 'cancelled' && (known.fate === 'unknown' || known.v === effect.v)
    if (!isRight) phantoms.push(effect.id)
    if (seen.has(effect.id)) duplicates += 1
    else first.push(effect)
    seen.add(effect.id)
  }
  const places = new Map<string, number>()
  const doubled: string[] = []
  for (const [place, { id }] of logged.entries()) {
    if (places.has(id)) doubled.push(id)
    else places.set(id, place)
  }
  const newest = new Map<string, number>()
  const reordered: string[] = []
  for (const { id, key } of first) {
    const place = places.get(id)
    if (place === undefined) phantoms.push(id)
    else if (place < (newest.get(key) ?? -1)) reordered.push(id)
    else newest.set(key, place)
  }
  const lost = [...fates].filter(([id, { fate }]) => fate === 'posted' && !seen.has(id)).map(([id]) => id)
  return { lost, doubled, reordered, phantoms, duplicates }
}
