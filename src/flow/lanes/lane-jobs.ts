import { ByteArena } from '../../model/event/bytes/byte-arena.ts'
import { Utf8Bytes } from '../../model/event/bytes/content.ts'
import type { Change } from '../../model/event/change.ts'
import { InFlightJob } from '../../model/delivery/in-flight-job.ts'
import type { Hold, Revision } from '../../model/delivery/in-flight-job.ts'
import type { EvaluationFailure } from '../../model/delivery/preparation.ts'
import { LINES_LANE } from '../../model/delivery/row-run.ts'
import type { ActionPlan, Payload, Rule } from '../../model/rule/rule.ts'
import { RowLanes } from './row-lanes.ts'

/** What a job itself costs in memory, beside its payload and its change. */
export const JOB_BYTES = 256

/** Gives jobs their lanes, and their places in other lanes that they are ordered with (invariant 2). */
export class LaneJobs {
  private readonly count: number
  private readonly lanes: RowLanes

  private readonly arenas = new WeakMap<ActionPlan, (ByteArena | undefined)[]>()

  constructor(lanes: number) {
    this.count = lanes
    this.lanes = new RowLanes(lanes)
  }

  /**
   * Jobs of one action on one lane end in their order, and share the buffers that their bytes are written to. Undefined:
   * they do not, as some wait in a window.
   */
  arena(action: ActionPlan, change: Change): ByteArena | undefined {
    if (action.rule.debounce !== null) return undefined
    const { lanes } = this
    lanes.locate(change, action.rule.key)
    let arenas = this.arenas.get(action)
    if (arenas === undefined) this.arenas.set(action, (arenas = []))
    return (arenas[laneFor(action, lanes.lane)] ??= new ByteArena())
  }

  /** `heldBytes`: what the change keeps in memory. */
  matched(
    action: ActionPlan,
    change: Change,
    payload: Payload,
    key: 'present' | 'previous',
    heldBytes: number,
    hold: Hold,
  ): InFlightJob {
    const { lanes } = this
    lanes.locate(change, action.rule.key)
    const previous = key === 'previous'
    const { takesLines } = action.target
    const lane = laneFor(action, previous && lanes.previousLane >= 0 ? lanes.previousLane : lanes.lane)
    const payloadBytes = typeof payload === 'string' || payload instanceof Utf8Bytes ? payload.length : heldBytes
    const bytes = JOB_BYTES + heldBytes + payloadBytes
    const job = new InFlightJob(action, change, payload, lane, bytes, hold, null, previous)
    if (isStatement(change)) {
      job.apart = true
      if (!takesLines) this.orderWithAll(job)
    } else if (lanes.keyChanged && action.bindPreviousKey === undefined) {
      job.apart = true
      if (lanes.previousLane >= 0 && !takesLines) holdPlace(job, lanes.previousLane)
    }
    return job
  }

  failed(action: ActionPlan, change: Change, failure: EvaluationFailure, heldBytes: number, hold: Hold): InFlightJob {
    this.lanes.locate(change, action.rule.key)
    const lane = laneFor(action, this.lanes.lane)
    return new InFlightJob(action, change, undefined, lane, JOB_BYTES + heldBytes, hold, failure)
  }

  /** What revises the rule's waiting jobs of the change's key, and before it those of the key that the row had before. */
  revises(rule: Rule, revision: Revision, change: Change, heldBytes: number, hold: () => Hold): readonly InFlightJob[] {
    this.lanes.locate(change, rule.key)
    const keys = this.lanes.keyChanged ? [true, false] : [false]
    return keys.map((previous) => {
      const bytes = JOB_BYTES + heldBytes
      const job = new InFlightJob(rule.actions[0]!, change, undefined, 0, bytes, hold(), null, previous)
      job.markAs(revision)
      return job
    })
  }

  /** Keeps nothing of the change alive. */
  forget(): void {
    this.lanes.forget()
  }

  /** A TRUNCATE or DDL concerns every row of its table, and is ordered with all of them, on all lanes. */
  private orderWithAll(job: InFlightJob): void {
    for (let lane = 0; lane < this.count; lane++) if (lane !== job.lane) holdPlace(job, lane)
  }
}

/** `lane`: that of the row. */
function laneFor({ target }: ActionPlan, lane: number): number {
  return target.takesLines ? LINES_LANE : lane
}

/**
 * Actions of one rule for one change run in the order written. On one lane of one target they do so anyway. `before`: the
 * job made before this one.
 */
export function followInOrder(job: InFlightJob, before: InFlightJob | null): void {
  if (
    before !== null &&
    before.change.seq === job.change.seq &&
    before.change.transaction.id === job.change.transaction.id &&
    before.action.rule.id === job.action.rule.id &&
    before.action.index !== job.action.index &&
    (before.action.target.id !== job.action.target.id || before.lane !== job.lane)
  ) {
    job.follow(before)
  }
}

/** A job that concerns rows of another lane is ordered there too. */
function holdPlace(job: InFlightJob, lane: number): void {
  job.holdPlaceBy(new InFlightJob(job.action, job.change, undefined, lane, 0, NO_HOLD, null))
}

function isStatement({ op }: Change): boolean {
  return op === 'truncate' || op === 'ddl'
}

/** A placeholder's job has a hold of its own. */
const NO_HOLD = { release: () => undefined }
