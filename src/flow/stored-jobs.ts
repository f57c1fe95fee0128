import type { InFlightJob } from '../model/delivery/in-flight-job.ts'
import { HELD_FACTOR } from '../model/delivery/waiting.ts'
import type { StoredRecord } from '../model/delivery/waiting.ts'
import type { StoredLineReader, StoredLines } from '../model/delivery/stored-lines.ts'
import { BingoError } from '../model/errors.ts'
import type { RuleSet } from '../model/rule/rule-set.ts'
import type { WaitingLine } from '../waiting/line.ts'
import type { WaitingLines } from '../waiting/lines.ts'
import { Revival } from '../waiting/revival.ts'
import { followInOrder, LaneJobs } from './lanes/lane-jobs.ts'

/** Jobs after which it pays to look which of them have ended. */
const LOOK_AFTER = 1_000

export interface StoredJobsDeps {
  readonly lanes: number
  readonly ruleSet: RuleSet
  /** Every job is charged to the budget until it has ended (invariant 6). */
  readonly charge: (job: InFlightJob) => void
  /** The rules have no action for it any more: resolves when it is durable in the dead letters. */
  readonly orphaned: (record: StoredRecord, why: BingoError) => Promise<void>
}

type Made = readonly InFlightJob[] | Promise<readonly InFlightJob[]>

/** Makes the jobs of records again, as JobFactory makes those of changes. */
export class StoredJobs {
  private readonly deps: StoredJobsDeps
  private readonly revival: Revival
  private readonly laneJobs: LaneJobs

  constructor(deps: StoredJobsDeps) {
    this.deps = deps
    this.revival = new Revival(deps.ruleSet)
    this.laneJobs = new LaneJobs(deps.lanes)
  }

  useRules(ruleSet: RuleSet): void {
    this.revival.useRules(ruleSet)
  }

  reader(line: WaitingLine): LineReader {
    return new LineReader(line, (record, before) => this.make(record, line, before))
  }

  /** Only what has no action any more takes its time. Rejects when a stop gives up waiting for the dead letters. */
  private make(record: StoredRecord, line: WaitingLine, before: InFlightJob | null): Made {
    try {
      const { action, change, rendered, failure } = this.revival.revive(record)
      const bytes = HELD_FACTOR * record.bytes
      const { laneJobs } = this
      const hold = line.hold(record, Math.max(1, rendered.length))
      const jobs =
        failure === null
          ? rendered.map(({ payload, preparation, key }) => {
              const job = laneJobs.matched(action, change, payload, key, bytes, hold)
              if (preparation !== null) job.waitFor(preparation)
              return job
            })
          : [laneJobs.failed(action, change, failure, bytes, hold)]
      if (jobs.length === 0) hold.release()
      for (const job of jobs) {
        if (record.attempts.length > 0) job.attempts = [...record.attempts]
        followInOrder(job, before)
        before = job
        this.deps.charge(job)
      }
      return jobs
    } catch (error) {
      if (!(error instanceof BingoError)) throw error
      return this.orphan(record, line, error)
    }
  }

  private async orphan(record: StoredRecord, line: WaitingLine, error: BingoError): Promise<readonly InFlightJob[]> {
    await this.deps.orphaned(record, error)
    line.hold(record, 1).release()
    return []
  }
}

/** What waits, for whoever sends it: jobs made of the records of each line. */
export function storedLines(lines: WaitingLines, jobs: StoredJobs): StoredLines {
  return {
    get names() {
      return lines.names
    },
    reader: (name) => jobs.reader(lines.line(name)),
    removed: () => lines.removed(),
  }
}

/** Reads one line in order, and keeps the order of the actions of one rule for one change. */
export class LineReader implements StoredLineReader {
  readonly line: WaitingLine
  private readonly make: (record: StoredRecord, before: InFlightJob | null) => Made
  /** By event and rule, of rules with several actions: the job made last, as long as it may not have ended. */
  private readonly last = new Map<string, InFlightJob>()
  private endedLookedFor = 0

  constructor(line: WaitingLine, make: LineReader['make']) {
    this.line = line
    this.make = make
  }

  /** Mostly one, and at once: a promise for each of a million records would be most of what they cost. */
  jobsOf(record: StoredRecord): Made {
    const { shape, id } = record
    if (shape.action.ofRule.length === 1) return this.make(record, null)
    // The id of a record begins with those of its event and its rule.
    const name = id.slice(0, id.lastIndexOf(`#${shape.action.identity}`))
    const jobs = this.make(record, this.last.get(name) ?? null)
    // An orphan has none.
    if (jobs instanceof Promise || jobs.length === 0) return jobs
    this.last.set(name, jobs.at(-1)!)
    this.forgetEnded()
    return jobs
  }

  private forgetEnded(): void {
    if (this.last.size < 2 * this.endedLookedFor + LOOK_AFTER) return
    for (const [name, job] of this.last) if (job.done) this.last.delete(name)
    this.endedLookedFor = this.last.size
  }
}
