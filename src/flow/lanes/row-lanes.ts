import type { Change } from '../../model/event/change.ts'
import { keyChanged } from '../../model/event/row-key.ts'
import { isPosted, postedKeyText } from '../../model/event/posted/posted-event.ts'
import { keysBy } from '../../model/rule/rule-key.ts'
import type { RuleKey } from '../../model/rule/rule-key.ts'
import type { TableDef } from '../../model/table/table.ts'
import { laneHash, laneOfText } from './lane-hash.ts'
import type { LaneOf } from './lane-hash.ts'

/** The lanes of the change looked at last: all jobs of a change ask, one after the other. */
export class RowLanes {
  /** Lane of the row's key. */
  lane = 0
  /** The row gets another key. */
  keyChanged = false
  /** Lane of the key that the row had before an UPDATE of its key, where that is another; else -1. */
  previousLane = -1
  private readonly lanes: number
  private readonly laneOfs = new WeakMap<TableDef, LaneOf>()
  private lastChange: Change | null = null
  private lastKey: RuleKey | null = null
  /** Asked for last: the rows of a block are all of one table. */
  private lastTable: TableDef | null = null
  private lastLaneOf: LaneOf | null = null

  constructor(lanes: number) {
    this.lanes = lanes
  }

  /** `key`: what the rule orders by instead of the primary key. */
  locate(change: Change, key: RuleKey | null): void {
    if (change === this.lastChange && key === this.lastKey) return
    this.lastChange = change
    this.lastKey = key
    if (key !== null && this.locateBy(key, change)) return
    if (isPosted(change.table)) {
      this.lane = laneOfText(postedKeyText(change), this.lanes)
      this.previousLane = -1
      this.keyChanged = false
      return
    }
    const laneOf = this.laneOf(change.table)
    this.lane = laneOf(change.old, change.new)
    this.previousLane = -1
    this.keyChanged = keyChanged(change.table, change.op, change.old, change.new)
    if (this.keyChanged) {
      const previous = laneOf(change.old, null)
      if (previous !== this.lane) this.previousLane = previous
    }
  }

  /** By the rule's own key; false where it cannot be rendered. */
  private locateBy(key: RuleKey, change: Change): boolean {
    const keys = keysBy(key, change)
    if (keys === undefined) return false
    this.lane = laneOfText(keys.present, this.lanes)
    this.keyChanged = keys.previous !== null
    const previous = keys.previous === null ? this.lane : laneOfText(keys.previous, this.lanes)
    this.previousLane = previous === this.lane ? -1 : previous
    return true
  }

  /** Keeps nothing of the change alive. */
  forget(): void {
    this.lastChange = null
  }

  private laneOf(table: TableDef): LaneOf {
    if (table === this.lastTable) return this.lastLaneOf!
    let laneOf = this.laneOfs.get(table)
    if (laneOf === undefined) {
      laneOf = laneHash(table, this.lanes)
      this.laneOfs.set(table, laneOf)
    }
    this.lastTable = table
    this.lastLaneOf = laneOf
    return laneOf
  }
}
