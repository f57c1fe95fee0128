import type { InFlightJob } from '../model/delivery/in-flight-job.ts'
import { FORMER, type WaitingRecord, type WaitingShape } from '../model/delivery/waiting.ts'
import { Change, withFacts } from '../model/event/change.ts'
import type { Row } from '../model/event/row.ts'
import { isPosted } from '../model/event/posted/posted-event.ts'
import { keyChanged, rowKeyText } from '../model/event/row-key.ts'
import { jobKeyText, type RuleKey } from '../model/rule/rule-key.ts'
import type { TableDef } from '../model/table/table.ts'
import { valueKind } from '../model/table/value-kind.ts'
import { ChangeReader } from './record.ts'
import { rowText } from './row-text.ts'

/**
 * A change that waits, as if the row had become at once what a later change of the row made of it. Null: it holds no more,
 * because the row is gone, or, where it waits that the row was deleted, is there again. A row that gets another primary key is
 * gone, too: followed to a key that another row had before, it would meet that row's changes when they come again after a crash.
 */
export function withNewest(waits: Change, newest: Change): Change | null {
  const { table, op, transaction, seq, old, new: before, query, facts } = waits
  const goneNow = newest.new === null || keyChanged(newest.table, newest.op, newest.old, newest.new)
  if (op === 'delete') return newest.new === null ? waits : null
  if (goneNow) return null
  const row = mergedRow(newest.table, before, newest.new!)
  const isSame = isSameTable(table, newest.table)
  const change = new Change(isSame ? newest.table : table, op, transaction, seq, old, row, query)
  return facts === null ? change : withFacts(change, facts)
}

/** With row images that name the changed columns only, the others are as they were. */
function mergedRow({ columns }: TableDef, before: Row | null, after: Row): Row {
  const row = Object.create(null) as { [column: string]: Row[string] }
  for (const { name } of columns) {
    const value = after[name] === undefined ? before?.[name] : after[name]
    if (value !== undefined) row[name] = value
  }
  return row
}

/** What is left of a record by a revision of its key: itself where that is of another row, another one, or null. */
export function revised<R extends WaitingRecord>(record: R, { revision, action, change }: InFlightJob): R | null {
  if (revision === 'cancel') return null
  // The key that an UPDATE left behind has no row.
  if (record.id.endsWith(FORMER) || !isSameTable(tableNames(record.shape), change.table)) return record
  const waits = new ChangeReader().read(record)
  if (isPosted(waits.table) || waits.table.columns.length === 0) return record
  const isStatement = change.table.columns.length === 0
  if (!isStatement && !isSameRow(waits, change, action.rule.key)) return record
  const now = withNewest(waits, change)
  if (now === null) return null
  if (now === waits) return record
  const shape = shapeWith(record.shape, now.table)
  return { ...record, shape, rowKey: jobKeyText(action.rule.key, now, false), event: rowText(now, now.query) }
}

/**
 * Whether the change is of the row that waits, by the key that the row had before. What was deleted has none: any row that
 * gets its key takes its place. Both have the key of the rule, by which rows without a primary key are told.
 */
function isSameRow(waits: Change, { table, op, old, new: new_ }: Change, key: RuleKey | null): boolean {
  if (table.key.length === 0) return key !== null
  const before = op === 'update' && waits.op !== 'delete'
  return rowKeyText(waits.table, waits.old, waits.new) === rowKeyText(table, old, before ? null : new_)
}

interface TableNames {
  readonly schema: string
  readonly name: string
}

function isSameTable(one: TableNames, other: TableNames): boolean {
  return one.schema === other.schema && one.name === other.name
}

function tableNames({ schema, table }: WaitingShape): TableNames {
  return { schema, name: table }
}

const shapes = new WeakMap<WaitingShape, WeakMap<TableDef, WaitingShape>>()

/** The table may have been altered meanwhile. */
function shapeWith(shape: WaitingShape, table: TableDef): WaitingShape {
  let tables = shapes.get(shape)
  if (tables === undefined) shapes.set(shape, (tables = new WeakMap()))
  let found = tables.get(table)
  if (found === undefined) {
    const columns = table.columns.map((column) => [column.name, valueKind(column)] as const)
    const key = table.key.map((place) => table.columns[place]!.name)
    const isSame = JSON.stringify([columns, key]) === JSON.stringify([shape.columns, shape.key])
    found = isSame ? shape : { ...shape, columns, key }
    tables.set(table, found)
  }
  return found
}

interface Kept<R> {
  readonly before: R
  now: R | null
}

/** Records of one line, as revisions that come one after the other leave them. */
export class RevisedRecords<R extends WaitingRecord> {
  /** By the key that each has by now. */
  private readonly byKey = new Map<string, Kept<R>[]>()
  private readonly all: Kept<R>[] = []

  /** Answers where it stands here. */
  add(record: R): number {
    const kept = { before: record, now: record }
    this.put(kept)
    return this.all.push(kept) - 1
  }

  /** A statement concerns records of all keys. */
  revise(job: InFlightJob): void {
    if (job.change.table.columns.length === 0) {
      for (const kept of this.all) kept.now = kept.now && revised(kept.now, job)
      return
    }
    const concerned = this.byKey.get(job.key) ?? []
    this.byKey.delete(job.key)
    for (const kept of concerned) {
      kept.now = kept.now && revised(kept.now, job)
      if (kept.now !== null) this.put(kept)
    }
  }

  get gone(): readonly R[] {
    return this.all.filter(({ now }) => now === null).map(({ before }) => before)
  }

  get changed(): readonly R[] {
    return this.all.flatMap(({ before, now }) => (now === null || now === before ? [] : [now]))
  }

  /** What is left of the record that was added there. */
  at(place: number): R | null {
    return this.all[place]!.now
  }

  private put(kept: Kept<R>): void {
    const { rowKey } = kept.now!
    const others = this.byKey.get(rowKey)
    if (others === undefined) this.byKey.set(rowKey, [kept])
    else others.push(kept)
  }
}
