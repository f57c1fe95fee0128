import type { Clock } from '../model/clock.ts'
import type { InFlightJob } from '../model/delivery/in-flight-job.ts'
import type { StoredRecord } from '../model/delivery/waiting.ts'
import type { JobRoute } from './reading/commit-buffer.ts'
import type { LineReader } from './stored-jobs.ts'

const PAGE = 100
const ROOM_MS = 20

export interface DrainDeps {
  readonly clock: Clock
  readonly router: JobRoute
  /** So many changes in a row that fail with one code suspend their rule. */
  readonly events: number
  readonly hasRoom: () => boolean
  /** The job left memory, and its record stays in its line. */
  readonly unloaded: (job: InFlightJob) => void
}

/** `failing`: so many in a row failed as this job did that the rule is to be suspended again; the rest stays in its line. */
export type Drained =
  | { readonly tag: 'empty' }
  | { readonly tag: 'stopped' }
  | { readonly tag: 'failing'; readonly job: InFlightJob }

/** Evaluates what waits for a rule, in order, and sends it on. */
export async function drainRule(reader: LineReader, deps: DrainDeps, isStopped: () => boolean): Promise<Drained> {
  const { line } = reader
  const kept: { readonly job: InFlightJob; readonly record: StoredRecord }[] = []
  const failed = { code: '', changes: 0, last: '' }
  const letKeptGo = (): void => {
    for (const { job } of kept.splice(0)) deps.router.route(job)
    failed.changes = 0
  }
  while (!line.empty && !isStopped()) {
    const records = await line.next(PAGE)
    // What is left is being written.
    if (records.length === 0) await deps.clock.sleep(ROOM_MS)
    for (const record of records) {
      while (!deps.hasRoom() && kept.length === 0 && !isStopped()) await deps.clock.sleep(ROOM_MS)
      if (isStopped() || failed.changes >= deps.events) {
        line.back(kept[0]?.record ?? record)
        break
      }
      while (line.isRevising(record.rowKey) && !isStopped()) await deps.clock.sleep(ROOM_MS)
      const now = isStopped() ? record : line.asItIs(record)
      if (now === null) continue
      const jobs = reader.jobsOf(now)
      for (const job of jobs instanceof Promise ? await jobs : jobs) {
        if (job.failure === null) {
          letKeptGo()
          deps.router.route(job)
          continue
        }
        if (job.failure.code !== failed.code) letKeptGo()
        if (job.change.id !== failed.last) failed.changes += 1
        Object.assign(failed, { code: job.failure.code, last: job.change.id })
        kept.push({ job, record })
      }
    }
    if (failed.changes < deps.events) continue
    const { job, record } = kept[0]!
    line.back(record)
    for (const each of kept) deps.unloaded(each.job)
    return { tag: 'failing', job }
  }
  if (isStopped()) {
    for (const each of kept) deps.unloaded(each.job)
    return { tag: 'stopped' }
  }
  letKeptGo()
  return { tag: 'empty' }
}
