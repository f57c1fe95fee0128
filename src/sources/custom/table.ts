import { ColumnType } from '../../model/table/column-type.ts'
import { BingoError } from '../../model/errors.ts'
import type { ColumnDef, TableDef } from '../../model/table/table.ts'

/**
 * What the values of a column are: `int` a whole number (number or bigint), `uint64` one that is not negative, `float` a
 * number, `string` a text, `json` anything that JSON can hold, such as a boolean or a list. NULL is possible in all of
 * them but for the key.
 */
export type ColumnKind = 'int' | 'uint64' | 'float' | 'string' | 'json'

export interface TableOptions {
  readonly schema: string
  readonly name: string
  readonly columns: { readonly [column: string]: ColumnKind }
  /** Names of the columns that identify a row. Empty: all rows of the table are handled one after the other. */
  readonly key: readonly string[]
}

const TYPES: { readonly [kind in ColumnKind]: Pick<ColumnDef, 'type' | 'unsigned' | 'collation' | 'meta'> } = {
  int: { type: ColumnType.LONGLONG, unsigned: false, collation: 0, meta: 0 },
  uint64: { type: ColumnType.LONGLONG, unsigned: true, collation: 0, meta: 0 },
  float: { type: ColumnType.DOUBLE, unsigned: false, collation: 0, meta: 8 },
  // utf8mb4_0900_ai_ci, a LONGTEXT.
  string: { type: ColumnType.BLOB, unsigned: false, collation: 255, meta: 4 },
  json: { type: ColumnType.JSON, unsigned: false, collation: 0, meta: 4 },
}

/**
 * The table that rows of a custom source belong to. Make it once and use it for every row: what rules compile for a table is
 * kept by its identity. Throws BINGO_TABLE_INVALID.
 */
export function defineTable({ schema, name, columns, key }: TableOptions): TableDef {
  const names = Object.keys(columns)
  const called = `${schema}.${name}`
  if (name === '' || schema === '') throw invalid(called, 'schema and name must not be empty', 'Give it both.')
  if (names.length === 0) throw invalid(called, 'it has no columns', "As in columns: { id: 'int' }.")
  const unknown = names.find((column) => !Object.hasOwn(TYPES, columns[column]!))
  if (unknown !== undefined) {
    const hint = `Kinds are ${Object.keys(TYPES).join(', ')}.`
    throw invalid(called, `column "${unknown}" has the unknown kind "${columns[unknown]}"`, hint)
  }
  const missing = key.find((column) => !Object.hasOwn(columns, column))
  if (missing !== undefined) {
    throw invalid(called, `the key names "${missing}", which is not a column`, `Columns are ${names.join(', ')}.`)
  }
  if (new Set(key).size < key.length) throw invalid(called, 'the key names a column twice', 'Name each once.')
  return {
    schema,
    name,
    flavour: 'mysql',
    columns: names.map((column) => ({
      name: column,
      ...TYPES[columns[column]!],
      nullable: !key.includes(column),
      visible: true,
    })),
    key: key.map((column) => names.indexOf(column)),
  }
}

function invalid(table: string, why: string, hint: string): BingoError {
  return new BingoError('BINGO_TABLE_INVALID', `The table ${table} cannot be defined: ${why}`, { hint })
}
