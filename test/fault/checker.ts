/**
 * One event as a target noted it. `seq` counts the committed writes of its row: the writer adds 1 in every UPDATE, so the
 * history of a row is 1, 2, 3 … up to what a SELECT shows at the end. Nothing else need be known to judge a run.
 */
export interface Arrival {
  readonly key: string
  readonly seq: number
  readonly id: string
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
}

/** Compares what arrived, in order of arrival, with the final `seq` of every row. */
export function judge(arrivals: readonly Arrival[], final: ReadonlyMap<string, number>): Verdict {
  const verdict = {
    lost: [] as string[],
    reordered: [] as string[],
    phantoms: [] as string[],
    changedIds: [] as string[],
    duplicates: 0,
  }
  const histories = new Map<string, { newest: number; ids: Map<number, string> }>()
  for (const { key, seq, id } of arrivals) {
    let history = histories.get(key)
    if (history === undefined) histories.set(key, (history = { newest: 0, ids: new Map() }))
    const known = history.ids.get(seq)
    if (known === id) {
      verdict.duplicates += 1
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

/** The promise: nothing lost, reordered, invented or renamed. Duplicates are judged by whoever knows of crashes. */
export function isClean(verdict: Verdict): boolean {
  return verdict.lost.length + verdict.reordered.length + verdict.phantoms.length + verdict.changedIds.length === 0
}
