import { ColumnType } from '../../model/table/column-type.ts'
import type { ColumnDef } from '../../model/table/table.ts'
import type { OutboxColumn } from '../../outbox/mapping/contract.ts'

/** Columns of bytes where their collation is binary; of text else. */
const TEXT_OR_BYTES: ReadonlySet<number> = new Set([
  ColumnType.VARCHAR,
  ColumnType.VAR_STRING,
  ColumnType.STRING,
  ColumnType.TINY_BLOB,
  ColumnType.BLOB,
  ColumnType.MEDIUM_BLOB,
  ColumnType.LONG_BLOB,
  ColumnType.MARIADB_BLOB_COMPRESSED,
  ColumnType.MARIADB_VARCHAR_COMPRESSED,
])
const BINARY_COLLATION = 63

/** What values of the column are, for the mapping of an outbox. */
export function columnOf({ name, type, collation, special }: ColumnDef): OutboxColumn {
  if (type === ColumnType.JSON) return { name, kind: 'json' }
  const isBinary = special === undefined && TEXT_OR_BYTES.has(type) && collation === BINARY_COLLATION
  return { name, kind: isBinary ? 'binary' : 'other' }
}
