import type { WireTable } from '../../../model/source/binlog-stream.ts'
import { BingoError } from '../../../model/errors.ts'
import type { ColumnDef, TableDef } from '../../../model/table/table.ts'
import { matchColumn } from './declared-column.ts'
import { hiddenColumns } from './hidden-columns.ts'
import type { DeclaredTable } from './table-columns.ts'

/** Joins what the wire has and what SQL declares. Throws BINGO_SCHEMA_UNKNOWN where they do not fit. */
export function buildTable(wire: WireTable, declared: DeclaredTable): TableDef {
  const count = wire.types.length
  const hidden = hiddenColumns(declared, wire.types)
  if (hidden === null || declared.columns.length + hidden.length !== count) {
    throw schemaUnknown(wire, `it has ${declared.columns.length} columns now, the event has ${count}`)
  }
  const columns: ColumnDef[] = []
  for (let i = 0; i < declared.columns.length; i++) {
    const column = matchColumn(declared.columns[i]!, wire, i)
    if (typeof column === 'string') throw schemaUnknown(wire, column)
    columns.push(column)
  }
  const rowEnd = rowEndOf(declared, columns)
  const key = declared.key.map((name) => columns.findIndex((column) => column.name === name))
  if (key.includes(-1)) throw schemaUnknown(wire, 'its primary key contains a column that it does not have')
  return {
    schema: wire.schema,
    name: wire.name,
    columns,
    // The server adds it so that versions of one row differ; a row is the same one through all of them.
    key: key.filter((index) => index !== rowEnd),
    flavour: wire.flavour,
    ...(hidden.length > 0 && { hidden }),
    ...(rowEnd !== undefined && { rowEnd }),
  }
}

/** Index of the column that ends a row's version: a declared one, or the second of the hidden ones. */
function rowEndOf({ versioned }: DeclaredTable, columns: readonly ColumnDef[]): number | undefined {
  if (versioned === undefined) return undefined
  if (versioned.rowEnd === null) return columns.length + 1
  const index = columns.findIndex(({ name }) => name === versioned.rowEnd)
  return index < 0 ? undefined : index
}

const SET_FULL =
  'SET PERSIST binlog_row_metadata = FULL; (MariaDB: SET GLOBAL) so that events name their columns from now on. Events from before an ALTER TABLE stay unreadable: skip them with `bingo position set`.'

/** The columns at the place being read cannot be told; a guess could shift every value by a column. */
export function schemaUnknown(
  table: { readonly schema: string; readonly name: string },
  why: string,
  hint = SET_FULL,
): BingoError {
  return new BingoError(
    'BINGO_SCHEMA_UNKNOWN',
    `Unknown columns of ${table.schema}.${table.name} at the current position: ${why}`,
    { hint },
  )
}
