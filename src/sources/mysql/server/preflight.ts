import { BingoError } from '../../../model/errors.ts'
import type { StartPoint } from '../../../model/position.ts'
import type { ControlConnection } from './control-connection.ts'
import { leftOutOfBinlog } from './binlog-filters.ts'
import { duplicateServerId } from './duplicate-server-id.ts'
import { error, type Finding, warning } from './finding.ts'
import { type Grants, readGrants } from './grants.ts'
import { REPLICA_UPDATES, replicaUpdates } from './replica-updates.ts'
import type { ServerFacts } from './server-facts.ts'
import { unloggedRows, type WantsTable } from './unlogged-rows.ts'

export interface PreflightInput {
  readonly control: ControlConnection
  readonly facts: ServerFacts
  /** Our own, as a replica. */
  readonly serverId: number
  /** Where a first start begins; null where a position is known. */
  readonly start: StartPoint | null
  /** BinGo may move to this server from another one, and on. */
  readonly oneOfSeveral: boolean
  readonly wants: WantsTable
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
export async function preflight({
  control,
  facts,
  serverId: ours,
  start,
  oneOfSeveral,
  wants,
}: PreflightInput): Promise<Finding[]> {
  const grants = await readGrants(control)
  return [
    ...VARIABLE_CHECKS.map((check) => check(facts)),
    ...(oneOfSeveral ? [replicaUpdates(facts)] : []),
    ...(await leftOutOfBinlog(control, facts)).filter(({ code }) => !oneOfSeveral || code !== REPLICA_UPDATES),
    ...(await unloggedRows(control, facts, wants)),
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
    `The server is ${printed}; BinGo is made for MySQL 5.7 and MariaDB 10.5 and newer`,
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

function binlogFormat(facts: ServerFacts): Finding | null {
  const format = facts.variables.get('binlog_format')
  if (format === undefined || format === 'ROW') return null
  return error(
    'BINGO_PREFLIGHT_FORMAT',
    `binlog_format is ${format}: changes are logged as statements, without the rows. Sessions that are open keep their format until they reconnect`,
    set(facts, 'binlog_format', "'ROW'"),
  )
}

function rowImage(facts: ServerFacts): Finding | null {
  const image = facts.variables.get('binlog_row_image')
  if (image === undefined || image === 'FULL' || image === 'FULL_NODUP') return null
  return warning(
    'BINGO_PREFLIGHT_ROW_IMAGE',
    `binlog_row_image is ${image}: columns that did not change are absent from events; a rule that reads one fails for that event`,
    set(facts, 'binlog_row_image', "'FULL'"),
  )
}

function rowMetadata(facts: ServerFacts): Finding | null {
  const metadata = facts.variables.get('binlog_row_metadata')
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
    set(facts, 'binlog_row_metadata', "'FULL'"),
  )
}

function gtidMode(facts: ServerFacts): Finding | null {
  if (facts.gtids) return null
  return warning(
    'BINGO_PREFLIGHT_GTID',
    `gtid_mode is ${facts.variables.get('gtid_mode') ?? 'not there'}: positions are file names and offsets, which mean nothing on another server, so BinGo cannot follow a failover`,
    `${set(facts, 'enforce_gtid_consistency', 'ON')} then gtid_mode = OFF_PERMISSIVE, ON_PERMISSIVE, ON in turn`,
  )
}

function syncBinlog(facts: ServerFacts): Finding | null {
  const sync = facts.variables.get('sync_binlog')
  if (sync === undefined || sync === '1') return null
  return warning(
    'BINGO_PREFLIGHT_SYNC_BINLOG',
    `sync_binlog is ${sync}: when the server's machine crashes, transactions that BinGo has already acted on can be lost, and its position with them`,
    set(facts, 'sync_binlog', '1'),
  )
}

function expiry(facts: ServerFacts): Finding | null {
  const { variables } = facts
  if (variables.get('binlog_expire_logs_auto_purge') === 'OFF') return null
  const seconds = Number(variables.get('binlog_expire_logs_seconds') ?? 0)
  const days = Number(variables.get('expire_logs_days') ?? 0)
  const kept = seconds > 0 ? seconds : days * DAY_S
  if (kept === 0 || kept >= DAY_S) return null
  return warning(
    'BINGO_PREFLIGHT_EXPIRY',
    `Binlogs are deleted after ${kept} s: if BinGo is down or held back for longer, changes are lost to it`,
    variables.has('binlog_expire_logs_seconds')
      ? set(facts, 'binlog_expire_logs_seconds', String(7 * DAY_S))
      : set(facts, 'expire_logs_days', '7'),
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
  } else if (facts.flavour === 'mariadb' && !grants.hasAny('SELECT')) {
    lacking(
      'SELECT',
      false,
      ': MariaDB does not write to its binlog which columns are UUID, INET4, INET6 or VECTOR, and which tables are system-versioned. A rule on a table that may be one of these stops BinGo (BINGO_SCHEMA_UNKNOWN)',
    )
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

/** SET PERSIST came with MySQL 8.0. */
function set({ flavour, release }: ServerFacts, name: string, value: string): string {
  return flavour === 'mysql' && release >= 800
    ? `SET PERSIST ${name} = ${value};`
    : `SET GLOBAL ${name} = ${value};  (and in my.cnf)`
}
