import type { InFlightJob } from '../../model/delivery/in-flight-job.ts'

/**
 * One order for jobs that were taken out of several lanes: each lane keeps its own, a job that holds places in other lanes
 * comes when all of them are reached, and no action comes before the one that it follows. Placeholders are left out. As far
 * as that leaves a choice, it is the order of the commits: the store keeps ids that follow each other in one entry.
 */
export function inOneOrder(lanes: readonly (readonly InFlightJob[])[]): InFlightJob[] {
  const heads = lanes.map(() => 0)
  const waiting = new Set(lanes.flat().filter((job) => job.placeholderFor === null))
  /** How many places of a job are at the head of their lanes. */
  const reached = new Map<InFlightJob, number>()
  const seen = new Set<InFlightJob>()
  const present = new Set(lanes.flat())
  const ordered: InFlightJob[] = []
  const mayGo = (job: InFlightJob): boolean =>
    !(job.after !== null && waiting.has(job.after)) &&
    (reached.get(job) ?? 0) === job.placeholders.filter((place) => present.has(place)).length
  const timeOf = (lane: number): number => lanes[lane]![heads[lane]!]?.at ?? Infinity
  // Where nothing of the earliest commit may go, later ones may.
  for (let moved = true, anyTime = false; moved || !anyTime;) {
    anyTime = !moved
    moved = false
    const upTo = anyTime ? Infinity : Math.min(...lanes.map((_, lane) => timeOf(lane)))
    for (const [lane, jobs] of lanes.entries()) {
      for (let job = jobs[heads[lane]!]; job !== undefined && job.at <= upTo; job = jobs[heads[lane]!]) {
        const of = job.placeholderFor
        if (of !== null && waiting.has(of)) {
          if (seen.has(job)) break
          seen.add(job)
          reached.set(of, (reached.get(of) ?? 0) + 1)
          moved = true
          break
        }
        if (of === null && !mayGo(job)) break
        if (of === null) {
          waiting.delete(job)
          ordered.push(job)
        }
        heads[lane]! += 1
        moved = true
      }
    }
  }
  // Nothing is left, as jobs were queued in such an order; and nothing may be lost if something was.
  return [...ordered, ...waiting]
}
