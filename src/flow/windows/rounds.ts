import type { InFlightJob } from '../../model/delivery/in-flight-job.ts'

/**
 * Orders what a window releases so that the jobs of one action stand together, which is what a batch can be made of,
 * and each row keeps the order of its commits over all actions of the rule (invariant 2). A round has the actions in the
 * order written; a job whose action comes before that of the row's job before it begins the row's next round.
 */
export function inRounds(jobs: readonly InFlightJob[]): readonly InFlightJob[] {
  const first = jobs[0]
  if (first === undefined || jobs.every(({ action }) => action === first.action)) return jobs
  const rows = new Map<string, { round: number; action: number }>()
  const placed = jobs.map((job, place) => {
    const action = job.action.index
    let row = rows.get(job.key)
    if (row === undefined) rows.set(job.key, (row = { round: 0, action }))
    else if (action < row.action) row.round += 1
    row.action = action
    return { job, place, action, round: row.round }
  })
  placed.sort((one, other) => one.round - other.round || one.action - other.action || one.place - other.place)
  return placed.map(({ job }) => job)
}
