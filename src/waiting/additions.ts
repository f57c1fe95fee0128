import type { InFlightJob } from '../model/delivery/in-flight-job.ts'
import type { WaitingRecord } from '../model/delivery/waiting.ts'
import type { WaitingLine } from './line.ts'
import { RevisedRecords } from './newest.ts'

/** A job that is to be written to a line, or a revision of what waits there. */
export interface Addition {
  readonly job: InFlightJob
  readonly line: WaitingLine
  readonly baseMs: number
}

/** An addition with what is to be written of it. */
export interface Written {
  readonly addition: Addition
  readonly record: WaitingRecord
}

/** Of what is to be written, what later revisions leave of it. */
export function withoutRevised(
  additions: readonly Addition[],
  recordOf: (addition: Addition) => WaitingRecord,
): { readonly kept: readonly Written[]; readonly gone: readonly Addition[]; readonly revisions: readonly Addition[] } {
  const revisions = additions.filter(isRevision)
  // Mostly there are none.
  if (revisions.length === 0) {
    return { kept: additions.map((addition) => ({ addition, record: recordOf(addition) })), gone: NONE, revisions }
  }
  const lines = new Map<WaitingLine, RevisedRecords<WaitingRecord>>()
  const placed = additions.flatMap((addition) => {
    const { line, job } = addition
    let records = lines.get(line)
    if (records === undefined) lines.set(line, (records = new RevisedRecords()))
    if (job.revision === null) return [{ addition, place: records.add(recordOf(addition)), records }]
    records.revise(job)
    return []
  })
  const results = placed.map(({ addition, place, records }) => ({ addition, record: records.at(place) }))
  return {
    kept: results.flatMap(({ addition, record }) => (record === null ? [] : [{ addition, record }])),
    gone: results.filter(({ record }) => record === null).map(({ addition }) => addition),
    revisions,
  }
}

const NONE: readonly Addition[] = []

function isRevision({ job }: Addition): boolean {
  return job.revision !== null
}
