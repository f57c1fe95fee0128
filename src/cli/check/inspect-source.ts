import type { Config } from '../../app/config/config.ts'
import type { ColumnDef, TableDef } from '../../model/table.ts'
import type { ControlConnection, SqlRow } from '../../sources/mysql/server/control-connection.ts'
import { connectToFirst } from '../../sources/mysql/server/first-server.ts'
import type { Finding } from '../../sources/mysql/server/finding.ts'
import { preflight } from '../../sources/mysql/server/preflight.ts'
import { text, type ServerFacts } from '../../sources/mysql/server/server-facts.ts'
import { serverIdFor } from '../../sources/mysql/server/server-id.ts'

export interface Inspection {
  readonly findings: readonly Finding[]
  /** Tables that the account may see; undefined when it sees none, so that nothing can be said of columns. */
  readonly tables: readonly TableDef[] | undefined
}

/**
 * Looks at the source without reading its binlog; of several hosts at the first that answers. Throws a classified
 * BingoError when none can be asked.
 */
export async function inspectSource(config: Config): Promise<Inspection> {
  const { control, facts } = await connectToFirst(config.source)
  try {
    const serverId = config.source.serverId ?? serverIdFor(config.name)
    const findings = await preflight({
      control,
      facts,
      serverId,
      start: config.source.start,
      oneOfSeveral: config.source.hosts.length > 1,
    })
    const tables = await visibleTables(control, facts)
    if (tables.length > 0) return { findings, tables }
    const message = 'the account may not see any table: the columns that rules name were not checked'
    const sql =
      'GRANT SELECT ON your_database.* TO the account, or leave it: BinGo does not need it with binlog_row_metadata=FULL'
    return {
      findings: [...findings, { severity: 'warning', code: 'BINGO_CHECK_NO_TABLES', message, sql }],
      tables: undefined,
    }
  } finally {
    control.close()
  }
}

/** Names, kinds and keys, which is what rules are checked against; not what decoding needs. */
async function visibleTables(control: ControlConnection, { flavour }: ServerFacts): Promise<TableDef[]> {
  const rows = await control.query(
    `SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, IS_NULLABLE, COLUMN_KEY
     FROM INFORMATION_SCHEMA.COLUMNS
     WHERE TABLE_SCHEMA NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')
     ORDER BY TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION`,
  )
  const byTable = Map.groupBy(rows, (row) => JSON.stringify([text(row, 'TABLE_SCHEMA'), text(row, 'TABLE_NAME')]))
  return [...byTable.values()].map((columns) => ({
    schema: text(columns[0]!, 'TABLE_SCHEMA'),
    name: text(columns[0]!, 'TABLE_NAME'),
    columns: columns.map(columnOf),
    key: columns.flatMap((column, index) => (text(column, 'COLUMN_KEY') === 'PRI' ? [index] : [])),
    flavour,
  }))
}

/** MYSQL_TYPE_* by SQL name, as far as the kind of a value depends on it; everything else is text to a rule. */
const TYPES: ReadonlyMap<string, number> = new Map([
  ['tinyint', 1],
  ['smallint', 2],
  ['int', 3],
  ['float', 4],
  ['double', 5],
  ['bigint', 8],
  ['mediumint', 9],
  ['year', 13],
  ['bit', 16],
  ['vector', 242],
  ['json', 245],
  ['set', 248],
  ...[
    'geometry',
    'point',
    'linestring',
    'polygon',
    'multipoint',
    'multilinestring',
    'multipolygon',
    'geomcollection',
  ].map((name): [string, number] => [name, 255]),
])
const VARCHAR = 15

function columnOf(row: SqlRow): ColumnDef {
  const type = TYPES.get(text(row, 'DATA_TYPE').toLowerCase()) ?? VARCHAR
  const declared = text(row, 'COLUMN_TYPE')
  const bits = /^bit\((\d+)\)/i.exec(declared)?.[1]
  return {
    name: text(row, 'COLUMN_NAME'),
    type,
    meta: bits === undefined ? 0 : Number(bits),
    nullable: text(row, 'IS_NULLABLE') === 'YES',
    unsigned: /unsigned/i.test(declared),
    collation: 0,
    visible: true,
  }
}
