import type { InFlightJob } from '../model/delivery/in-flight-job.ts'
import type { WaitingLine } from './line.ts'

/** A job that is to be written to a line, or a cancellation of what waits there. */
export interface Addition {
  readonly job: InFlightJob
  readonly line: WaitingLine
  readonly baseMs: number
}

/** Of what is to be written, what a later cancellation does not concern. */
export function withoutCancelled(additions: readonly Addition[]): {
  readonly kept: readonly Addition[]
  readonly cancelled: readonly Addition[]
  readonly cancels: readonly Addition[]
} {
  const cancels = additions.filter(({ job }) => job.cancels)
  if (cancels.length === 0) return { kept: additions, cancelled: [], cancels }
  const [kept, cancelled]: [Addition[], Addition[]] = [[], []]
  const keys = new Map<WaitingLine, Set<string>>()
  for (const addition of additions.toReversed()) {
    const { job, line } = addition
    if (job.cancels) keys.set(line, (keys.get(line) ?? new Set()).add(job.key))
    else if (keys.get(line)?.has(job.key) === true) cancelled.push(addition)
    else kept.push(addition)
  }
  return { kept: kept.toReversed(), cancelled, cancels }
}
