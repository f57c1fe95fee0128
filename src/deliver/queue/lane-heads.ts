import type { InFlightJob } from '../../model/delivery/in-flight-job.ts'
import type { Target } from '../../model/rule/action.ts'
import type { Undelivered } from '../undelivered.ts'
import type { LaneOutcomes } from './lane-outcomes.ts'
import type { LaneSelection } from './lane-selection.ts'
import type { Lanes } from './lanes.ts'

/** The jobs at the heads of lanes whose turn has come: they are sent, end, or wait for what they hang together with. */
export class LaneHeads {
  private readonly lanes: Lanes
  private readonly selection: LaneSelection
  private readonly outcomes: LaneOutcomes
  private readonly undelivered: Undelivered

  constructor(lanes: Lanes, selection: LaneSelection, outcomes: LaneOutcomes, undelivered: Undelivered) {
    this.lanes = lanes
    this.selection = selection
    this.outcomes = outcomes
    this.undelivered = undelivered
  }

  /** Takes what may go of a lane; a lane that cannot go is left to whoever will wake it. `target` null: nothing is sent. */
  take(lane: number, target: Target | null, batch: InFlightJob[]): void {
    const queue = this.lanes.at(lane)
    queue.state = 'idle'
    const first = this.headOf(lane, target)
    if (first === undefined) return
    if (first.placeholderFor !== null) {
      this.reach(first)
    } else if (first.skipped) {
      this.outcomes.skipped(first)
    } else if (first.preparation !== null && target !== null) {
      // The lane waits: whether the job is sent at all is not known yet.
    } else if (target === null || this.undelivered.endsUnsent(first)) {
      void this.outcomes.endUnsent(lane)
    } else {
      const before = batch.length
      const waitMs = this.selection.choose(queue, target, batch)
      queue.underWay = batch.length - before
      if (batch.length > before) queue.state = 'busy'
      else if (waitMs > 0) this.lanes.wakeAfter(lane, Math.ceil(waitMs))
    }
  }

  /** Of a run of rows that cannot go as it is, its first one. */
  private headOf(lane: number, target: Target | null): InFlightJob | undefined {
    const queue = this.lanes.at(lane)
    const first = queue.at(0)
    if (first === undefined || first.count === 1) return first
    if (target !== null && !this.selection.judgesRows(queue, first)) return first
    this.lanes.split(lane, 1)
    return queue.at(0)
  }

  /** A placeholder came to the head: this lane waits for the end of its job. */
  private reach(placeholder: InFlightJob): void {
    const job = placeholder.placeholderFor!
    if (job.done) {
      this.lanes.settle(placeholder.lane, 1, null)
      this.lanes.wake(placeholder.lane)
      return
    }
    placeholder.reachHead()
  }
}
