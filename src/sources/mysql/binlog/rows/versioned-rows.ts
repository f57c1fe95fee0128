import type { RowsBlock, TransactionHandler } from '../../../../model/source/binlog-stream.ts'
import type { Row } from '../../../../model/event/row.ts'
import { imageColumnsOf, type TableDef } from '../../../../model/table/table.ts'
import { compileRowSplitter, type RowSplitter } from './row-decoder.ts'
import { NO_COLUMNS } from './rows-event.ts'

/** End of what has not ended: the greatest TIMESTAMP(6), since MariaDB 11.5 and before it. */
const NEVER: ReadonlySet<unknown> = new Set(['2106-02-07T06:28:15.999999Z', '2038-01-19T03:14:07.999999Z'])

interface KnownSplitter {
  readonly op: RowsBlock['op']
  readonly presentOld: RowsBlock['presentOld']
  readonly presentNew: RowsBlock['presentNew']
  readonly split: RowSplitter
}

/**
 * Rows events of a system-versioned table (MariaDB), as if it had no history. The server writes each version of a row:
 *
 * | statement | events | here |
 * |---|---|---|
 * | INSERT | INSERT of a row that never ends | INSERT |
 * | UPDATE | UPDATE of that row, INSERT of its former version, which has ended | UPDATE |
 * | DELETE | UPDATE that ends the row | DELETE |
 * | DELETE HISTORY | DELETE of rows that have ended | nothing |
 */
export class VersionedRows {
  readonly #splitters = new WeakMap<TableDef, KnownSplitter[]>()

  /** Hands on the block's rows that are changes, each with the ordinal (`seq`) that it has in the event. */
  pass(block: RowsBlock, handler: Pick<TransactionHandler, 'rows'>): void | Promise<void> {
    return passFrom(0, this.#split(block), handler)
  }

  #split(block: RowsBlock): RowsBlock[] {
    const rowEnd = block.table.rowEnd!
    // Neither image tells: the row's end is not what changed.
    if (!block.presentOld.has(rowEnd) && !block.presentNew.has(rowEnd)) return [{ ...block }]
    const blocks: RowsBlock[] = []
    const name = imageColumnsOf(block.table)[rowEnd]!.name
    let seq = block.firstSeq
    this.#splitter(block, rowEnd)(block.buffer, block.start, block.end, (old, new_, start, middle, end) => {
      const part = liveRow(block, wasLive(old, name), isLive(old, new_, name), start, middle, end)
      if (part !== null) append(blocks, { ...part, firstSeq: seq })
      seq += 1
    })
    return blocks
  }

  #splitter({ table, op, presentOld, presentNew }: RowsBlock, rowEnd: number): RowSplitter {
    let known = this.#splitters.get(table)
    if (known === undefined) this.#splitters.set(table, (known = []))
    const found = known.find(
      (each) => each.op === op && each.presentOld === presentOld && each.presentNew === presentNew,
    )
    if (found !== undefined) return found.split
    const select = new Set([rowEnd])
    const shape = { op, presentOld, presentNew, partialJson: false }
    const split = compileRowSplitter(table, shape, { old: select, new: select })
    known.push({ op, presentOld, presentNew, split })
    return split
  }
}

function passFrom(
  first: number,
  blocks: readonly RowsBlock[],
  handler: Pick<TransactionHandler, 'rows'>,
): void | Promise<void> {
  for (let i = first; i < blocks.length; i++) {
    const pending = handler.rows(blocks[i]!)
    if (pending !== undefined) return pending.then(() => passFrom(i + 1, blocks, handler))
  }
}

/** An image without the column is of a row that lives: history is found by its end. */
function wasLive(old: Row | null, rowEnd: string): boolean {
  return old !== null && (old[rowEnd] === undefined || NEVER.has(old[rowEnd]))
}

function isLive(old: Row | null, new_: Row | null, rowEnd: string): boolean {
  if (new_ === null) return false
  return new_[rowEnd] === undefined ? old === null || wasLive(old, rowEnd) : NEVER.has(new_[rowEnd])
}

/** The block of this one row, as the living rows see it; null when it is history before and behind. */
function liveRow(
  block: RowsBlock,
  before: boolean,
  behind: boolean,
  start: number,
  middle: number,
  end: number,
): RowsBlock | null {
  if (before && behind) return { ...block, start, end }
  if (before)
    return { ...block, op: 'delete', presentNew: NO_COLUMNS, start, end: block.op === 'update' ? middle : end }
  if (!behind) return null
  return { ...block, op: 'insert', presentOld: NO_COLUMNS, start: block.op === 'update' ? middle : start, end }
}

/** Rows that follow one another in the event and are of one kind go together. */
function append(blocks: RowsBlock[], block: RowsBlock): void {
  const last = blocks.at(-1)
  if (last !== undefined && last.op === block.op && last.end === block.start) last.end = block.end
  else blocks.push(block)
}
