import type { WireTable } from '../../../model/binlog-stream.ts'
import { BingoError } from '../../../model/errors.ts'
import type { ColumnDef, TableDef } from '../../../model/table.ts'
import { matchColumn } from './declared-column.ts'
import type { DeclaredTable } from './table-columns.ts'

/** Joins what the wire has and what SQL declares. Throws BINGO_SCHEMA_UNKNOWN where they do not fit. */
export function buildTable(wire: WireTable, declared: DeclaredTable): TableDef {
  const count = wire.types.length
  if (declared.columns.length !== count) {
    throw schemaUnknown(wire, `it has ${declared.columns.length} columns now, the event has ${count}`)
  }
  const columns: ColumnDef[] = []
  for (let i = 0; i < count; i++) {
    const column = matchColumn(declared.columns[i]!, wire, i)
    if (typeof column === 'string') throw schemaUnknown(wire, column)
    columns.push(column)
  }
  const key = declared.key.map((name) => columns.findIndex((column) => column.name === name))
  if (key.includes(-1)) throw schemaUnknown(wire, 'its primary key names a column that it does not have')
  return { schema: wire.schema, name: wire.name, columns, key, flavour: wire.flavour }
}

/** The columns at the place being read cannot be told; a guess could shift every value by a column. */
export function schemaUnknown(table: { readonly schema: string; readonly name: string }, why: string): BingoError {
  return new BingoError(
    'BINGO_SCHEMA_UNKNOWN',
    `The columns of ${table.schema}.${table.name} at the place being read are not known: ${why}`,
    {
      hint: 'SET PERSIST binlog_row_metadata = FULL; (MariaDB: SET GLOBAL) so that events name their columns from now on. Events written before cannot be read once the table was altered: move past them with `bingo position set`.',
    },
  )
}
