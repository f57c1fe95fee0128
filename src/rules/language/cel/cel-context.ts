import type { Change } from '../../../model/event/change.ts'
import type { Row, Value } from '../../../model/event/row.ts'
import { keyValue } from '../../../model/event/row-key.ts'
import type { TableDef, ValueKind } from '../../../model/table/table.ts'
import { toCelValue } from './values/cel-values.ts'
import { LazyMap, looksLikeMap } from './values/lazy-map.ts'
import { absentColumn, notInKey, unknownColumn } from '../column-errors.ts'
import type { SourceText } from '../source-text.ts'
import { columnsOf } from '../table-columns.ts'
import type { TableColumns } from '../table-columns.ts'
import { valueKind } from '../../../model/table/value-kind.ts'

/** What an expression bound to a table needs to know to read rows. */
export interface RowReading {
  readonly source: SourceText
  readonly table: TableDef
  /** Columns that `has(new.x)` or `'x' in new` asks for: a missing one is an answer there, not an error. */
  readonly tested: ReadonlySet<string>
}

/**
 * The columns of one image as a CEL map. Columns are looked up case-insensitively and converted when asked for. Reading
 * one that the table does not have, or that the row image leaves out, throws EvaluationError.
 */
export abstract class ColumnMap extends LazyMap {
  protected readonly reading: RowReading
  protected readonly columns: TableColumns

  constructor(reading: RowReading) {
    super()
    this.reading = reading
    this.columns = columnsOf(reading.table)
  }

  abstract raw(column: string): Value
  protected abstract names(): readonly string[]
  protected abstract missing(column: string): Error

  override get(name: string): unknown {
    const column = this.columns.find(name)
    if (column === undefined) {
      if (this.columns.isStatement) return null
      return this.isTested(name) ? undefined : fail(this.missing(name))
    }
    const value = this.read(column.name, valueKind(column))
    if (value === undefined && !this.isTested(name)) throw absentColumn(this.reading.source, this.reading.table, name)
    return value
  }

  protected read(name: string, kind: ValueKind): unknown {
    return toCelValue(this.raw(name), kind)
  }

  private isTested(name: string): boolean {
    return this.reading.tested.has(name)
  }

  /** Absent columns are left out. */
  protected override all(): Iterable<readonly [string, unknown]> {
    return this.names().map((name) => [name, this.read(name, valueKind(this.columns.find(name)!))])
  }

  override has(name: string): boolean {
    return super.has(this.columns.find(name)?.name ?? name)
  }
}

function fail(error: Error): never {
  throw error
}

export class RowMap extends ColumnMap {
  private readonly row: Row | null

  constructor(reading: RowReading, row: Row | null) {
    super(reading)
    this.row = row
  }

  /** In an INSERT every column of `old` is NULL, in a DELETE every column of `new`. */
  override raw(column: string): Value {
    return this.row === null ? null : this.row[column]
  }

  protected override names(): readonly string[] {
    return this.columns.names
  }

  protected override missing(column: string): Error {
    return unknownColumn(this.reading.source, this.reading.table, column)
  }
}
looksLikeMap(RowMap)

/** A row of which NULL and what it does not have are no value, for `new.?x`. */
export class OptionalMap extends Map<string, unknown> {
  private readonly row: ColumnMap
  private readonly columns: TableColumns

  constructor(row: ColumnMap, columns: TableColumns) {
    super()
    this.row = row
    this.columns = columns
  }

  override get(name: string): unknown {
    return this.columns.find(name) === undefined ? undefined : (this.row.get(name) ?? undefined)
  }
}
looksLikeMap(OptionalMap)

export class KeyMap extends ColumnMap {
  private readonly change: Change

  constructor(reading: RowReading, change: Change) {
    super(reading)
    this.change = change
  }

  override raw(column: string): Value {
    if (!this.columns.key.includes(column)) throw this.missing(column)
    return keyValue(column, this.change.old, this.change.new)
  }

  protected override names(): readonly string[] {
    return this.columns.key
  }

  protected override missing(column: string): Error {
    return notInKey(this.reading.source, this.reading.table, column)
  }
}
looksLikeMap(KeyMap)
