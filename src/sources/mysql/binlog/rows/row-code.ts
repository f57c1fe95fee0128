import { noteJsonNulls } from '../../../../model/event/forms/json-null.ts'
import type { Constants } from '../columns/codec.ts'
import { rowClass } from '../../../../model/event/row-class.ts'
import type { ImageColumn } from './row-image.ts'

/** A row to be made by generated code, and the variables that hold its values. */
export interface RowCode {
  /** `o` for the row before, `n` for the one behind. */
  readonly row: 'o' | 'n'
  /** In table order. */
  readonly values: readonly RowValue[]
}

interface RowValue {
  readonly column: ImageColumn
  readonly variable: string
}

/** The row of the selected columns of one image. */
export function rowOf(row: RowCode['row'], columns: readonly ImageColumn[]): RowCode {
  const selected = columns.filter((column) => column.selected)
  return { row, values: selected.map((column) => ({ column, variable: `${row}${column.index}` })) }
}

/**
 * What the after image of an UPDATE leaves out and the before image has did not change (FULL_NODUP, MINIMAL, NOBLOB):
 * the new row takes those of these columns from there.
 */
export function completed(row: RowCode, taken: readonly ImageColumn[]): RowCode {
  const added = taken.map((column) => ({ column, variable: `o${column.index}` }))
  return {
    row: row.row,
    values: [...row.values, ...added].sort((one, other) => one.column.index - other.column.index),
  }
}

/** Source that notes a JSON null in this column for each row that takes it; undefined where none can be. */
export function jsonNullCode(variable: string, column: ImageColumn, rows: readonly RowCode[]): string | undefined {
  if (!column.json || !column.selected) return undefined
  const takers = rows.filter(({ values }) => values.some((value) => value.variable === variable))
  return `{${takers.map(({ row }) => `(${row}j??=[]).push(${JSON.stringify(column.name)});`).join('')}}`
}

/** Source that declares what `jsonNullCode` fills. */
export function declaredNotes(rows: readonly RowCode[]): string {
  const names = rows.filter(hasJson).map(({ row }) => `${row}j=null`)
  return names.length === 0 ? '' : `let ${names.join(',')};`
}

/** Expression that makes the row. */
export function madeRow(code: RowCode | null, constant: Constants): string {
  if (code === null) return 'null'
  const name = constant(rowClass(code.values.map(({ column }) => column.name)))
  if (code.values.length === 0) return `${name}.empty`
  const row = `new ${name}(${code.values.map(({ variable }) => variable).join(',')})`
  return hasJson(code) ? `${constant(noteJsonNulls)}(${row},${code.row}j)` : row
}

function hasJson({ values }: RowCode): boolean {
  return values.some(({ column }) => column.json)
}
