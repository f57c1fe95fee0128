import { characterWidth, charsetOf } from './charset-collations.ts'
import { parseColumnValues } from './column-values.ts'
import type { ControlConnection, SqlRow } from '../server/login/control-connection.ts'
import type { DeclaredColumn } from './declared-column.ts'
import { type ServerFacts, text } from '../server/server-facts.ts'

/** A table as it is on the server now. */
export interface DeclaredTable {
  readonly columns: readonly DeclaredColumn[]
  /** Names of the primary key's columns, in key order. */
  readonly key: readonly string[]
  /** MariaDB's system versioning; `rowEnd` names the column that ends a row's version, null where none is declared. */
  readonly versioned?: { readonly rowEnd: string | null } | undefined
  /** Hash keys, each of which may have a hidden column (MariaDB's long unique keys). */
  readonly hashKeys?: number | undefined
}

const BINARY = 63
/** MariaDB 10.3 brought system versioning. */
export const FIRST_WITH_VERSIONING = 1003
const BINARY_TYPES = /^(var)?binary$|blob$/

/** Collation name → id. */
export type Collations = ReadonlyMap<string, number>

/** MariaDB since 10.10 has collations that belong to several character sets; their ids stand in another view. */
export async function readCollations(control: ControlConnection, facts: ServerFacts): Promise<Collations> {
  const sql =
    facts.flavour === 'mariadb' && facts.release >= 1010
      ? 'SELECT FULL_COLLATION_NAME AS name, ID AS id FROM INFORMATION_SCHEMA.COLLATION_CHARACTER_SET_APPLICABILITY'
      : 'SELECT COLLATION_NAME AS name, ID AS id FROM INFORMATION_SCHEMA.COLLATIONS'
  const rows = await control.query(sql)
  return new Map(rows.map((row) => [text(row, 'name'), Number(row['id'])]))
}

/** null when the table is not there, or the account may not see it. */
export async function readTable(
  control: ControlConnection,
  facts: ServerFacts,
  collations: Collations,
  schema: string,
  table: string,
): Promise<DeclaredTable | null> {
  if (facts.flavour === 'mysql' && facts.release >= 800) {
    // Generated invisible primary keys are in the binlog, whatever the server shows by default. Older 8.0: unknown variable.
    await control.query('SET SESSION show_gipk_in_create_table_and_information_schema = ON').catch(() => undefined)
  }
  const knowsVersioning = facts.flavour === 'mariadb' && facts.release >= FIRST_WITH_VERSIONING
  const rows = await control.query(
    `SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, CHARACTER_OCTET_LENGTH, NUMERIC_PRECISION, NUMERIC_SCALE,
       DATETIME_PRECISION, IS_NULLABLE, COLLATION_NAME, EXTRA${knowsVersioning ? ', GENERATION_EXPRESSION' : ''}
     FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION`,
    [schema, table],
  )
  if (rows.length === 0) return null
  const keys = await control.query(
    `SELECT INDEX_NAME, COLUMN_NAME, INDEX_TYPE FROM INFORMATION_SCHEMA.STATISTICS
     WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY SEQ_IN_INDEX`,
    [schema, table],
  )
  const hashes = keys.filter((row) => text(row, 'INDEX_TYPE') === 'HASH').map((row) => text(row, 'INDEX_NAME'))
  return {
    columns: rows.map((row) => declaredColumn(row, collations)),
    key: keys.filter((row) => text(row, 'INDEX_NAME') === 'PRIMARY').map((row) => text(row, 'COLUMN_NAME')),
    versioned: knowsVersioning ? await readVersioning(control, rows, schema, table) : undefined,
    hashKeys: facts.flavour === 'mariadb' ? new Set(hashes).size : 0,
  }
}

async function readVersioning(
  control: ControlConnection,
  columns: readonly SqlRow[],
  schema: string,
  table: string,
): Promise<DeclaredTable['versioned']> {
  const [found] = await control.query(
    'SELECT TABLE_TYPE FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?',
    [schema, table],
  )
  if (found === undefined || text(found, 'TABLE_TYPE') !== 'SYSTEM VERSIONED') return undefined
  const end = columns.find((row) => text(row, 'GENERATION_EXPRESSION').toUpperCase() === 'ROW END')
  return { rowEnd: end === undefined ? null : text(end, 'COLUMN_NAME') }
}

function declaredColumn(row: SqlRow, collations: Collations): DeclaredColumn {
  const dataType = normalType(text(row, 'DATA_TYPE').toLowerCase())
  const columnType = text(row, 'COLUMN_TYPE')
  const collation = text(row, 'COLLATION_NAME')
  return {
    name: text(row, 'COLUMN_NAME'),
    dataType,
    octetLength: row['CHARACTER_OCTET_LENGTH'] === null ? null : Number(row['CHARACTER_OCTET_LENGTH']),
    precision: Number(row['NUMERIC_PRECISION'] ?? 0),
    scale: Number(row['NUMERIC_SCALE'] ?? 0),
    fractionDigits: Number(row['DATETIME_PRECISION'] ?? 0),
    nullable: text(row, 'IS_NULLABLE') === 'YES',
    unsigned: /\b(unsigned|zerofill)\b/i.test(columnType.replaceAll(/'(?:[^']|'')*'/g, '')),
    collation: collation === '' ? (isBinary(dataType) ? BINARY : 0) : (collations.get(collation) ?? 0),
    values: dataType === 'enum' || dataType === 'set' ? reliableValues(columnType, collation) : undefined,
    visible: !/\bINVISIBLE\b/i.test(text(row, 'EXTRA')),
  }
}

/**
 * COLUMN_TYPE is utf8mb3: the server prints characters beyond it as question marks. Where the column can hold such
 * characters, a question mark may be one, and the values are not known.
 */
function reliableValues(columnType: string, collation: string): readonly string[] | undefined {
  const values = parseColumnValues(columnType)
  const canHoldMore = characterWidth(charsetOf(collation)) === 4
  return canHoldMore && values?.some((value) => value.includes('?')) ? undefined : values
}

function isBinary(dataType: string): boolean {
  return BINARY_TYPES.test(dataType)
}

/** Spellings of one type. */
export function normalType(dataType: string): string {
  switch (dataType) {
    case 'integer':
      return 'int'
    case 'bool':
    case 'boolean':
      return 'tinyint'
    case 'numeric':
    case 'dec':
    case 'fixed':
      return 'decimal'
    case 'real':
      return 'double'
    case 'nchar':
      return 'char'
    case 'nvarchar':
      return 'varchar'
    default:
      return dataType
  }
}
