import type { ChangeOfImage } from '../../model/delivery/row-run.ts'
import type { Content } from '../../model/event/bytes/content.ts'
import { ImageChange, RowAtHand } from '../../model/event/bytes/image-change.ts'
import type { RowImages } from '../../model/event/bytes/image-change.ts'
import { Change } from '../../model/event/change.ts'
import type { RowOp } from '../../model/event/row.ts'
import { keyChanged } from '../../model/event/row-key.ts'
import type { RowsBlock } from '../../model/source/binlog-stream.ts'
import type { TableDef } from '../../model/table/table.ts'
import { bindActions } from './bound-rule.ts'
import type { BoundRule } from './bound-rule.ts'
import type { MatchSink } from './match-sink.ts'
import type { RowDecoder } from './row-decoder.ts'

/** Writes what rules send to targets that take lines, without an object for each row (RowGatherer). */
export class Gathering {
  private readonly table: TableDef
  private readonly op: RowOp
  private readonly images: RowImages | null
  private readonly decode: RowDecoder
  private row: RowAtHand | null = null

  /** `decode`: the columns that the actions see. */
  constructor(table: TableDef, op: RowOp, images: RowImages | null, decode: RowDecoder) {
    this.table = table
    this.op = op
    this.images = images
    this.decode = decode
  }

  /** False: the row goes as an event of its own, as its key was changed, or something of it cannot be evaluated. */
  add(
    rule: BoundRule,
    change: Change,
    block: RowsBlock,
    start: number,
    end: number,
    heldBytes: number,
    sink: MatchSink,
  ): boolean {
    if (keyChanged(this.table, this.op, change.old, change.new)) return false
    const gatherer = rule.gatherer!
    rule.actions ??= bindActions(rule.rule, this.table)
    const { when, render } = rule.actions[0]!
    let content: Content | null = null
    try {
      if (when === null || when(change)) {
        const row = rule.writesImages ? this.atHand(change, block.buffer, start, end) : change
        content = render(row, gatherer.arena) as Content
      }
    } catch {
      return false
    }
    sink.ruleMatched(rule.rule, change)
    if (content !== null) gatherer.add(content, change, block, start, end, heldBytes)
    return true
  }

  /** How the change that the actions of the rule see is made again. */
  changeOf({ writesImages }: BoundRule): ChangeOfImage {
    return (buffer, start, end, transaction, seq, query) => {
      const { table, op, images } = this
      let change: Change | null = null
      this.decode(buffer, start, end, (old, new_) => {
        change = writesImages
          ? new ImageChange(table, op, transaction, seq, old, new_, query, images!, buffer, start, end)
          : new Change(table, op, transaction, seq, old, new_, query)
      })
      return change!
    }
  }

  private atHand(
    { old, new: new_, seq, transaction, query }: Change,
    buffer: Buffer,
    start: number,
    end: number,
  ): Change {
    this.row ??= new RowAtHand(this.table, this.op, this.images!)
    return this.row.is(old, new_, seq, transaction, query, buffer, start, end)
  }
}
