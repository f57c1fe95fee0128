import type { DdlStatement } from '../../../model/source/binlog-stream.ts'
import { ColumnType } from '../../../model/table/column-type.ts'
import type { ColumnDef, TableDef } from '../../../model/table/table.ts'
import { schemaUnknown } from './build-table.ts'
import { type DeclaredColumn, specialOf } from './declared-column.ts'
import { isTimestamp, ROW_END, trailingHidden } from './hidden-columns.ts'
import type { DeclaredTable } from './table-columns.ts'

/** Lengths in bytes of BINARY columns that may be INET4, UUID or INET6. */
const HIDDEN_LENGTHS = new Set([4, 16])
/** MariaDB 11.7 brought VECTOR, which looks like VARBINARY of four bytes per dimension. */
const FIRST_WITH_VECTOR = 1107
const BINARY_COLLATION = 63

/** Bytes of the types that travel as BINARY. */
const SIZES: { readonly [dataType: string]: number } = { uuid: 16, inet6: 16, inet4: 4 }

/** What the server says of a table that the binlog described: as it is now, and what changed it since. */
export interface ServersView {
  /** null: it is gone. */
  readonly declared: DeclaredTable | null
  /** DDL between the place being read and the server's end that may concern the table. */
  readonly later: readonly DdlStatement[]
}

export interface Revealed {
  readonly table: TableDef
  /** Columns whose type the later DDL leaves in doubt, in words. */
  readonly doubts: readonly string[]
}

/** Whether a table of MariaDB may be more than its TABLE_MAP with full metadata tells. */
export function mayHideSomething(table: TableDef, release: number): boolean {
  if (table.columns.some((column) => mayHide(column, release))) return true
  const { hashes, period } = trailingHidden(table.columns)
  return hashes > 0 || period || table.key.some((index) => isTimestamp(table.columns[index]!)) || mayBePeriod(table)
}

/** Without a primary key nothing but its type tells a declared ROW END. */
function mayBePeriod({ columns, key }: TableDef): boolean {
  return key.length === 0 && columns.filter(isTimestamp).length > 1
}

/** Adds to a table with full metadata what only the server tells. */
export function revealTable(table: TableDef, view: ServersView, release: number): Revealed {
  const doubts: string[] = []
  const { rowEnd, hiddenCount } = versioning(table, view)
  const shown = table.columns.length - hiddenCount
  const columns = table.columns
    .slice(0, shown)
    .map((column) => (mayHide(column, release) ? revealColumn(table, column, view, doubts) : column))
  const hidden = table.columns.slice(shown).map((column) => ({ ...column, visible: false, ...hiresPeriod(column) }))
  if (rowEnd === undefined && hiddenCount === 0 && columns.every((column, i) => column === table.columns[i])) {
    return { table, doubts }
  }
  return {
    table: {
      ...table,
      columns,
      key: table.key.filter((index) => index !== rowEnd),
      ...(hiddenCount > 0 && { hidden }),
      ...(rowEnd !== undefined && { rowEnd }),
    },
    doubts,
  }
}

/** Hidden period columns have six digits, in the format of old too. */
function hiresPeriod({ type }: ColumnDef): Partial<ColumnDef> {
  return type === ColumnType.TIMESTAMP ? { special: 'mariadb53-temporal', meta: 6 } : {}
}

/** How many columns at the end are hidden, and where a row's version ends. */
function versioning(table: TableDef, view: ServersView): { rowEnd: number | undefined; hiddenCount: number } {
  const { columns } = table
  const declares = (name: string): boolean => view.declared?.columns.some((column) => column.name === name) === true
  const { hashes: possible, period } = trailingHidden(columns)
  const hashes = columns.slice(columns.length - possible).some(({ name }) => declares(name)) ? 0 : possible
  const end = columns.length - possible - 1
  if (period && !declares(ROW_END) && isHistoryKept(table, view, end)) return { rowEnd: end, hiddenCount: hashes + 2 }
  return { rowEnd: declaredRowEnd(table, view), hiddenCount: hashes }
}

/** Whether the undeclared row_start and row_end are those of system versioning, and not columns dropped since. */
function isHistoryKept(table: TableDef, { declared, later }: ServersView, rowEnd: number): boolean {
  if (declared !== null && declared.versioned?.rowEnd === null) return true
  return later.some(concernsVersioning) || (declared === null && table.key.includes(rowEnd))
}

function declaredRowEnd({ columns, key }: TableDef, { declared, later }: ServersView): number | undefined {
  const named = columns.findIndex((column) => column.name === declared?.versioned?.rowEnd && isTimestamp(column))
  if (named >= 0) return named
  return later.some(concernsVersioning) ? key.find((index) => isTimestamp(columns[index]!)) : undefined
}

function concernsVersioning({ sql }: DdlStatement): boolean {
  return /\bsystem\s+versioning\b/i.test(sql)
}

/** Whether a type of MariaDB's own, or of old, may travel as this one. */
function mayHide({ type, meta, collation }: ColumnDef, release: number): boolean {
  switch (type) {
    case ColumnType.STRING:
      return HIDDEN_LENGTHS.has(meta) && collation === BINARY_COLLATION
    case ColumnType.VARCHAR:
      return release >= FIRST_WITH_VECTOR && collation === BINARY_COLLATION && meta > 0 && meta % 4 === 0
    case ColumnType.TIMESTAMP:
    case ColumnType.TIME:
    case ColumnType.DATETIME:
      return true
    default:
      return false
  }
}

/**
 * The column as the server has it now. Where later DDL may have made it another one, this is an assumption that is told;
 * where there is nothing to go by, its values are left out, so that rules that read them fail instead of acting on them.
 */
function revealColumn(
  table: TableDef,
  column: ColumnDef,
  { declared, later }: ServersView,
  doubts: string[],
): ColumnDef {
  const found = declared?.columns.find(({ name }) => name === column.name)
  if (found === undefined || !mayBe(found, column)) {
    // The format of old does not even tell how long a value is.
    if (column.type !== ColumnType.STRING && column.type !== ColumnType.VARCHAR) {
      throw schemaUnknown(table, `it no longer has a column ${column.name} of its type`)
    }
    doubts.push(`${column.name} (left out)`)
    return { ...column, special: 'unknown' }
  }
  if (!later.every((statement) => leavesAlone(statement, column.name))) {
    doubts.push(`${column.name} (taken for ${found.dataType.toUpperCase()})`)
  }
  const special = specialOf(found, table.flavour, column.type)
  if (special === undefined) return column
  return special === 'mariadb53-temporal' ? { ...column, special, meta: found.fractionDigits } : { ...column, special }
}

function mayBe({ dataType, octetLength }: DeclaredColumn, { type, meta }: ColumnDef): boolean {
  switch (type) {
    case ColumnType.STRING:
      return (SIZES[dataType] ?? octetLength) === meta
    case ColumnType.VARCHAR:
      return dataType === 'vector' || octetLength === meta
    default:
      return dataType === 'time' || dataType === 'datetime' || dataType === 'timestamp'
  }
}

/** A statement that alters the table in place and does not mention the column cannot have changed the column's type. */
function leavesAlone({ sql, tables }: DdlStatement, column: string): boolean {
  if (tables.length === 0 || mayMention(sql, column)) return false
  if (/^\s*(create|drop)\s+([a-z]+\s+)?index\b/i.test(sql)) return true
  return /^\s*alter\s+(online\s+|ignore\s+)*table\b/i.test(sql) && !/\brename\s+(?!column\b|index\b|key\b)/i.test(sql)
}

/** Names that are not plain ASCII may look different in the server's list of events. */
function mayMention(sql: string, column: string): boolean {
  if (!/^[\w$]+$/.test(column)) return true
  return new RegExp(`(?<![\\w$])${column.replaceAll('$', '\\$')}(?![\\w$])`, 'i').test(sql)
}
