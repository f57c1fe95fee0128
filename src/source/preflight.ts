import { BingoError } from '../core/errors.ts'
import type { StartPoint } from '../core/position.ts'
import type { ControlConnection } from './control-connection.ts'
import { type Grants, readGrants } from './grants.ts'
import { type ServerFacts, text } from './server-facts.ts'

/** One thing about the server that keeps BinGo from reading it, or that an operator should know. */
export interface Finding {
  readonly severity: 'error' | 'warning'
  readonly code: string
  /** What is wrong and what follows from it. */
  readonly message: string
  /** What mends it: SQL, or the line of the server's configuration file; null where nothing simple does. */
  readonly sql: string | null
}

export interface PreflightInput {
  readonly control: ControlConnection
  readonly facts: ServerFacts
  /** Our own, as a replica. */
  readonly serverId: number
  /** Where a first start begins; null where a position is known. */
  readonly start: StartPoint | null
}

type Check = (facts: ServerFacts) => Finding | null

const DAY_S = 86_400

const VARIABLE_CHECKS: readonly Check[] = [
  version,
  logBin,
  serverId,
  binlogFormat,
  rowImage,
  rowMetadata,
  gtidMode,
  syncBinlog,
  expiry,
]

/** Looks at everything before the first event is read, so that all problems are told at once. */
export async function preflight({ control, facts, serverId: ours, start }: PreflightInput): Promise<Finding[]> {
  const grants = await readGrants(control)
  return [
    ...VARIABLE_CHECKS.map((check) => check(facts)),
    ...grantFindings(grants, facts, start),
    await duplicateServerId(control, facts, ours),
  ].filter((finding) => finding !== null)
}

/** Throws BINGO_PREFLIGHT_FAILED with every error among the findings; warnings alone pass. */
export function refuse(findings: readonly Finding[]): void {
  const errors = findings.filter(({ severity }) => severity === 'error')
  if (errors.length === 0) return
  const lines = errors.map(({ code, message, sql }) => `  ${code}: ${message}${sql === null ? '' : `\n    ${sql}`}`)
  throw new BingoError(
    'BINGO_PREFLIGHT_FAILED',
    `The server is not ready to be read (${errors.length} problem${errors.length === 1 ? '' : 's'}):\n${lines.join('\n')}`,
    { hint: errors.map(({ sql }) => sql).find((sql) => sql !== null) },
  )
}

function version({ flavour, release, version: printed }: ServerFacts): Finding | null {
  const oldest = flavour === 'mysql' ? 507 : 1005
  if (release >= oldest) return null
  return warning(
    'BINGO_PREFLIGHT_VERSION',
    `The server is ${printed}; BinGo is tested with MySQL 5.7 and MariaDB 10.5 and newer`,
    null,
  )
}

function logBin({ variables }: ServerFacts): Finding | null {
  if (variables.get('log_bin') === 'ON') return null
  return error(
    'BINGO_PREFLIGHT_LOG_BIN',
    'The server writes no binlog, so there is nothing to read',
    'log_bin=binlog  (in my.cnf under [mysqld], then restart)',
  )
}

function serverId(facts: ServerFacts): Finding | null {
  if (facts.serverId !== 0) return null
  return error(
    'BINGO_PREFLIGHT_SERVER_ID',
    'The server has server_id=0 and refuses replicas',
    'SET GLOBAL server_id = 1;',
  )
}

function binlogFormat({ variables, flavour }: ServerFacts): Finding | null {
  const format = variables.get('binlog_format')
  if (format === undefined || format === 'ROW') return null
  return error(
    'BINGO_PREFLIGHT_FORMAT',
    `binlog_format is ${format}: changes are logged as statements, without the rows. Sessions that are open keep their format until they reconnect`,
    set(flavour, 'binlog_format', "'ROW'"),
  )
}

function rowImage({ variables, flavour }: ServerFacts): Finding | null {
  const image = variables.get('binlog_row_image')
  if (image === undefined || image === 'FULL' || image === 'FULL_NODUP') return null
  return warning(
    'BINGO_PREFLIGHT_ROW_IMAGE',
    `binlog_row_image is ${image}: columns that did not change are absent from events; a rule that reads one fails for that event`,
    set(flavour, 'binlog_row_image', "'FULL'"),
  )
}

function rowMetadata({ variables, flavour }: ServerFacts): Finding | null {
  const metadata = variables.get('binlog_row_metadata')
  if (metadata === 'FULL') return null
  if (metadata === undefined) {
    return warning(
      'BINGO_PREFLIGHT_ROW_METADATA',
      'This server cannot write column names into its binlog (MySQL 8.0, MariaDB 10.5 and newer can): they are looked up, and an ALTER that BinGo meets late stops it',
      null,
    )
  }
  return warning(
    'BINGO_PREFLIGHT_ROW_METADATA',
    `binlog_row_metadata is ${metadata}: column names are looked up on the server (which needs SELECT), and an ALTER that BinGo meets late stops it`,
    set(flavour, 'binlog_row_metadata', "'FULL'"),
  )
}

function gtidMode({ gtids, variables }: ServerFacts): Finding | null {
  if (gtids) return null
  return warning(
    'BINGO_PREFLIGHT_GTID',
    `gtid_mode is ${variables.get('gtid_mode') ?? 'not there'}: positions are file names and offsets, which mean nothing on another server, so BinGo cannot follow a failover`,
    'SET PERSIST enforce_gtid_consistency = ON; then gtid_mode = OFF_PERMISSIVE, ON_PERMISSIVE, ON in turn',
  )
}

function syncBinlog({ variables, flavour }: ServerFacts): Finding | null {
  const sync = variables.get('sync_binlog')
  if (sync === undefined || sync === '1') return null
  return warning(
    'BINGO_PREFLIGHT_SYNC_BINLOG',
    `sync_binlog is ${sync}: when the server's machine crashes, transactions that BinGo has already acted on can be lost, and its position with them`,
    set(flavour, 'sync_binlog', '1'),
  )
}

function expiry({ variables, flavour }: ServerFacts): Finding | null {
  if (variables.get('binlog_expire_logs_auto_purge') === 'OFF') return null
  const seconds = Number(variables.get('binlog_expire_logs_seconds') ?? 0)
  const days = Number(variables.get('expire_logs_days') ?? 0)
  const kept = seconds > 0 ? seconds : days * DAY_S
  if (kept === 0 || kept >= DAY_S) return null
  return warning(
    'BINGO_PREFLIGHT_EXPIRY',
    `Binlogs are deleted after ${kept} s: if BinGo is down or held back for longer, changes are lost to it`,
    set(flavour, 'binlog_expire_logs_seconds', String(7 * DAY_S)),
  )
}

function grantFindings(grants: Grants, facts: ServerFacts, start: StartPoint | null): Finding[] {
  const { account } = grants
  const findings: Finding[] = []
  const monitor = facts.flavour === 'mariadb' ? 'BINLOG MONITOR' : 'REPLICATION CLIENT'
  const lacking = (privilege: string, need: boolean, why: string): void => {
    // A role may hold it where SHOW GRANTS does not tell; the server itself will say.
    const severity = need && !grants.hasRoles ? 'error' : 'warning'
    findings.push({
      severity,
      code: 'BINGO_PREFLIGHT_GRANT',
      message: `The account ${account} lacks ${privilege}${why}`,
      sql: `GRANT ${privilege} ON *.* TO ${account};`,
    })
  }
  if (!grants.hasGlobal('REPLICATION SLAVE', 'REPLICATION REPLICA')) {
    lacking('REPLICATION SLAVE', true, ', without which no binlog is sent')
  }
  if (!grants.hasGlobal('REPLICATION CLIENT', 'BINLOG MONITOR')) {
    const needed = start !== null && start.tag !== 'gtid' && start.tag !== 'file'
    lacking(
      monitor,
      needed,
      `: the server's position${needed ? ', where the first start begins,' : ' and the lag'} cannot be asked`,
    )
  }
  if (facts.variables.get('binlog_row_metadata') !== 'FULL' && !grants.hasAny('SELECT')) {
    lacking('SELECT', false, ': column names must be looked up, because binlog_row_metadata is not FULL')
  }
  if (grants.hasGlobal('ALL PRIVILEGES', 'SUPER')) {
    findings.push(
      warning(
        'BINGO_PREFLIGHT_PRIVILEGES',
        `The account ${account} may do everything; BinGo needs REPLICATION SLAVE and ${monitor} only`,
        `CREATE USER 'bingo'@'%' IDENTIFIED BY '…'; GRANT REPLICATION SLAVE, ${monitor} ON *.* TO 'bingo'@'%';`,
      ),
    )
  }
  return findings
}

/** Registered replicas only; a clash with another BinGo shows when the server throws one of the two out. */
async function duplicateServerId(
  control: ControlConnection,
  facts: ServerFacts,
  ours: number,
): Promise<Finding | null> {
  if (ours === facts.serverId) {
    return error(
      'BINGO_PREFLIGHT_DUPLICATE_ID',
      `The server itself has the server id ${ours}`,
      'Set source.serverId to another number, or remove it',
    )
  }
  const sql = facts.flavour === 'mysql' && facts.release >= 800 ? 'SHOW REPLICAS' : 'SHOW SLAVE HOSTS'
  try {
    const replicas = await control.query(sql)
    if (!replicas.some((row) => Number(row['Server_id'] ?? row['Server_Id']) === ours)) return null
    const host = text(
      replicas.find((row) => Number(row['Server_id'] ?? row['Server_Id']) === ours),
      'Host',
    )
    return error(
      'BINGO_PREFLIGHT_DUPLICATE_ID',
      `Another replica${host && ` (${host})`} has the server id ${ours}; the server would throw one of the two out again and again`,
      'Set source.serverId to another number',
    )
  } catch (cause) {
    // Not allowed to ask, or an old 8.0 that does not know the statement: the stream will tell.
    if (cause instanceof BingoError && !cause.retryable) return null
    if (cause instanceof BingoError && cause.code === 'BINGO_SOURCE_FAILED') return null
    throw cause
  }
}

function error(code: string, message: string, sql: string | null): Finding {
  return { severity: 'error', code, message, sql }
}

function warning(code: string, message: string, sql: string | null): Finding {
  return { severity: 'warning', code, message, sql }
}

function set(flavour: ServerFacts['flavour'], name: string, value: string): string {
  return flavour === 'mysql' ? `SET PERSIST ${name} = ${value};` : `SET GLOBAL ${name} = ${value};  (and in my.cnf)`
}
