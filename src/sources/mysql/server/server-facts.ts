import type { Flavour } from '../../../model/table/table.ts'
import type { ControlConnection, SqlRow } from './login/control-connection.ts'

/** What the server says about itself; read anew after every reconnect. */
export interface ServerFacts {
  readonly flavour: Flavour
  /** As `SELECT VERSION()` prints it. */
  readonly version: string
  /** Major and minor, as a number that can be compared: 8.4 → 804, 10.11 → 1011. */
  readonly release: number
  /**
   * MySQL: `@@server_uuid`. MariaDB has none (its server_uid is a hash of network address and port): server id, host
   * name and port, which a restored copy on the same host shares. It only guards positions without GTIDs.
   */
  readonly identity: string
  readonly serverId: number
  /** Transactions have GTIDs that a position can be told by: MySQL with gtid_mode=ON, every MariaDB. */
  readonly gtids: boolean
  /** Executed GTID set (MySQL) or binlog GTID position (MariaDB); null without GTIDs. */
  readonly executed: string | null
  /** MySQL: what is no longer in any binlog; null where not known. */
  readonly purged: string | null
  /** Lower-case global variables. */
  readonly variables: ReadonlyMap<string, string>
}

/** Whether names of tables are kept, or at least compared, in lower case: rows then have them so. */
export function foldsNames({ variables }: ServerFacts): boolean {
  return (variables.get('lower_case_table_names') ?? '0') !== '0'
}

const VARIABLES = [
  'binlog_checksum',
  'binlog_expire_logs_auto_purge',
  'binlog_expire_logs_seconds',
  'binlog_format',
  'binlog_row_image',
  'binlog_row_metadata',
  'binlog_row_value_options',
  'expire_logs_days',
  'gtid_mode',
  'hostname',
  'innodb_native_foreign_keys',
  'lower_case_table_names',
  'log_bin',
  'log_replica_updates',
  'log_slave_updates',
  'max_allowed_packet',
  'port',
  'server_id',
  'server_uuid',
  'sync_binlog',
  'version',
]

/** Throws a classified BingoError when the server cannot be asked. */
export async function readServerFacts(control: ControlConnection): Promise<ServerFacts> {
  const names = VARIABLES.map((name) => `'${name}'`).join(',')
  const rows = await control.query(`SHOW GLOBAL VARIABLES WHERE Variable_name IN (${names})`)
  const variables = new Map(rows.map((row) => [text(row, 'Variable_name').toLowerCase(), text(row, 'Value')]))
  // SHOW VARIABLES prints "10.11.6-MariaDB-log" too; the handshake would say 5.5.5.
  const version = variables.get('version') ?? ''
  const flavour: Flavour = /mariadb/i.test(version) ? 'mariadb' : 'mysql'
  const gtids = flavour === 'mariadb' || variables.get('gtid_mode') === 'ON'
  return {
    flavour,
    version,
    release: release(version),
    identity: identity(flavour, variables),
    serverId: Number(variables.get('server_id') ?? 0),
    gtids,
    ...(await readGtids(control, flavour, gtids)),
    variables,
  }
}

/** SELECT, not SHOW: SHOW VARIABLES cuts values off after 1,024 bytes. */
async function readGtids(
  control: ControlConnection,
  flavour: Flavour,
  gtids: boolean,
): Promise<{ executed: string | null; purged: string | null }> {
  if (!gtids) return { executed: null, purged: null }
  if (flavour === 'mariadb') {
    const [row] = await control.query('SELECT @@GLOBAL.gtid_binlog_pos AS executed')
    return { executed: text(row, 'executed'), purged: null }
  }
  const [row] = await control.query('SELECT @@GLOBAL.gtid_executed AS executed, @@GLOBAL.gtid_purged AS purged')
  return { executed: withoutSpace(text(row, 'executed')), purged: withoutSpace(text(row, 'purged')) }
}

function identity(flavour: Flavour, variables: ReadonlyMap<string, string>): string {
  if (flavour === 'mysql') return variables.get('server_uuid') ?? ''
  return `${variables.get('server_id')}@${variables.get('hostname')}:${variables.get('port')}`
}

function release(version: string): number {
  const parts = /^(\d+)\.(\d+)/.exec(version)
  return parts ? Number(parts[1]) * 100 + Number(parts[2]) : 0
}

/** The server breaks GTID sets into lines. */
function withoutSpace(set: string): string {
  return set.replaceAll(/\s/g, '')
}

/** A column as text, whatever mysql2 made of it; '' where it is NULL or missing. */
export function text(row: SqlRow | undefined, column: string): string {
  const value = row?.[column]
  if (value === null || value === undefined) return ''
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  return Buffer.isBuffer(value) ? value.toString('utf8') : ''
}
