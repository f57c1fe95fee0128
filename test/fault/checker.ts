/**
 * One event as a target noted it. `seq` counts the committed writes of its row: the writer adds 1 in every change, so the
 * history of a row is 1, 2, 3 … up to what a SELECT shows at the end. Nothing else need be known to judge a run.
 */
export interface Arrival {
  readonly key: string
  readonly seq: number
  readonly id: string
  /** What kind of change it was, where the target tells. */
  readonly op?: string
  /** Which of several daemons sent it, where their rules tell. */
  readonly by?: string
}

export interface Verdict {
  /** Writes that never arrived, as `key@seq`. */
  readonly lost: readonly string[]
  /** Arrived for the first time behind a later write of its row. */
  readonly reordered: readonly string[]
  /** Never committed: beyond the final state, or of a row that does not exist. */
  readonly phantoms: readonly string[]
  /** One write under two event ids (or two writes, one of them rolled back, under one number). */
  readonly changedIds: readonly string[]
  /** Repeated arrivals with the same id; allowed after a crash. */
  readonly duplicates: number
  /** Those of them that nothing explains: nothing was replayed since, or the checkpoint had passed them. */
  readonly stray: readonly string[]
}

/** A restart: from the arrival of this index on, changes behind the checkpoint may come again. */
export interface Replay {
  readonly fromIndex: number
  /** Whether the checkpoint that the restart began from had passed the event. */
  readonly passed: (id: string) => boolean
}

/** Any duplicate is explained, as where answers get lost. */
export const ANY_REPLAY: Replay = { fromIndex: 0, passed: () => false }

/**
 * Compares what arrived, in order of arrival, with the final `seq` of every row. Without `replays` every duplicate is
 * taken for explained.
 */
export function judge(
  arrivals: readonly Arrival[],
  final: ReadonlyMap<string, number>,
  replays: readonly Replay[] = [ANY_REPLAY],
): Verdict {
  const verdict = {
    lost: [] as string[],
    reordered: [] as string[],
    phantoms: [] as string[],
    changedIds: [] as string[],
    duplicates: 0,
    stray: [] as string[],
  }
  const histories = new Map<string, { newest: number; ids: Map<number, string> }>()
  for (const [index, { key, seq, id }] of arrivals.entries()) {
    let history = histories.get(key)
    if (history === undefined) histories.set(key, (history = { newest: 0, ids: new Map() }))
    const known = history.ids.get(seq)
    if (known === id) {
      verdict.duplicates += 1
      const replay = replays.findLast(({ fromIndex }) => fromIndex <= index)
      if (replay === undefined || replay.passed(id)) verdict.stray.push(`${key}@${seq}`)
      continue
    }
    if (known !== undefined) verdict.changedIds.push(`${key}@${seq}`)
    if (seq > (final.get(key) ?? 0)) verdict.phantoms.push(`${key}@${seq}`)
    if (seq < history.newest) verdict.reordered.push(`${key}@${seq}`)
    history.newest = Math.max(history.newest, seq)
    history.ids.set(seq, id)
  }
  for (const [key, last] of final) {
    const seen = histories.get(key)?.ids
    for (let seq = 1; seq <= last; seq++) if (!seen?.has(seq)) verdict.lost.push(`${key}@${seq}`)
  }
  return verdict
}

/** Counts the different writes among arrivals, so that waiting for the last ones need not judge all of them each time. */
export class Coverage {
  /** Different writes so far. */
  count = 0
  private counted = 0
  private readonly seen = new Map<string, Set<number>>()

  /** `arrivals` has only grown since the last call. */
  follow(arrivals: readonly Arrival[]): number {
    for (; this.counted < arrivals.length; this.counted++) {
      const { key, seq } = arrivals[this.counted]!
      let row = this.seen.get(key)
      if (row === undefined) this.seen.set(key, (row = new Set()))
      if (!row.has(seq)) this.count += 1
      row.add(seq)
    }
    return this.count
  }
}

/** The promise: nothing lost, reordered, invented or renamed, and nothing repeated without a reason. */
export function isClean(verdict: Verdict): boolean {
  const { lost, reordered, phantoms, changedIds, stray } = verdict
  return lost.length + reordered.length + phantoms.length + changedIds.length + stray.length === 0
}
