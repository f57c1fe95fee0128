import { BingoError } from '../../../../model/errors.ts'
import type { StartPoint } from '../../../../model/source/position.ts'
import type { ControlConnection } from '../login/control-connection.ts'
import { leftOutOfBinlog } from './binlog-filters.ts'
import { duplicateServerId } from './duplicate-server-id.ts'
import { error, type Finding, warning } from './finding.ts'
import { type Grants, readGrants } from './grants.ts'
import { outboxTables, type WatchedOutbox } from './outbox-tables.ts'
import { REPLICA_UPDATES, replicaUpdates } from './replica-updates.ts'
import type { ServerFacts } from '../server-facts.ts'
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
  readonly outboxes: readonly WatchedOutbox[]
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
  outboxes,
}: PreflightInput): Promise<Finding[]> {
  const grants = await readGrants(control)
  return [
    ...VARIABLE_CHECKS.map((check) => check(facts)),
    ...(oneOfSeveral ? [replicaUpdates(facts)] : []),
    ...(await leftOutOfBinlog(control, facts)).filter(({ code }) => !oneOfSeveral || code !== REPLICA_UPDATES),
    ...(await unloggedRows(control, facts, wants)),
    ...(await outboxTables(control, facts, outboxes)),
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
    `The server is not configured for replication (${errors.length} problem${errors.length === 1 ? '' : 's'}):\n${lines.join('\n')}`,
    { hint: errors.map(({ sql }) => sql).find((sql) => sql !== null) },
  )
}

function version({ flavour, release, version: printed }: ServerFacts): Finding | null {
  const oldest = flavour === 'mysql' ? 507 : 1005
  if (release >= oldest) return null
  return warning(
    'BINGO_PREFLIGHT_VERSION',
    `The server is ${printed}; BinGo supports MySQL 5.7, MariaDB 10.5 and newer`,
    null,
  )
}

function logBin({ variables }: ServerFacts): Finding | null {
  if (variables.get('log_bin') === 'ON') return null
  return error(
    'BINGO_PREFLIGHT_LOG_BIN',
    'The server does not write a binlog',
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
    `binlog_format is ${format}: the server logs statements instead of rows. Open sessions keep their format until they reconnect`,
    set(facts, 'binlog_format', "'ROW'"),
  )
}

function rowImage(facts: ServerFacts): Finding | null {
  const image = facts.variables.get('binlog_row_image')
  if (image === undefined || image === 'FULL' || image === 'FULL_NODUP') return null
  return warning(
    'BINGO_PREFLIGHT_ROW_IMAGE',
    `binlog_row_image is ${image}: events do not contain unchanged columns; a rule that reads one fails for that event`,
    set(facts, 'binlog_row_image', "'FULL'"),
  )
}

function rowMetadata(facts: ServerFacts): Finding | null {
  const metadata = facts.variables.get('binlog_row_metadata')
  if (metadata === 'FULL') return null
  if (metadata === undefined) {
    return warning(
      'BINGO_PREFLIGHT_ROW_METADATA',
      'This server cannot write column names to its binlog (MySQL 8.0, MariaDB 10.5 and newer can): BinGo queries them, and stops if an ALTER TABLE changed them in the meantime',
      null,
    )
  }
  return warning(
    'BINGO_PREFLIGHT_ROW_METADATA',
    `binlog_row_metadata is ${metadata}: BinGo queries column names from the server (which needs SELECT), and stops if an ALTER TABLE changed them in the meantime`,
    set(facts, 'binlog_row_metadata', "'FULL'"),
  )
}

function gtidMode(facts: ServerFacts): Finding | null {
  if (facts.gtids) return null
  return warning(
    'BINGO_PREFLIGHT_GTID',
    `gtid_mode is ${facts.variables.get('gtid_mode') ?? 'not set'}: positions are file names and offsets, which are valid on one server only, so BinGo cannot follow a failover`,
    `${set(facts, 'enforce_gtid_consistency', 'ON')} then gtid_mode = OFF_PERMISSIVE, ON_PERMISSIVE, ON in turn`,
  )
}

function syncBinlog(facts: ServerFacts): Finding | null {
  const sync = facts.variables.get('sync_binlog')
  if (sync === undefined || sync === '1') return null
  return warning(
    'BINGO_PREFLIGHT_SYNC_BINLOG',
    `sync_binlog is ${sync}: if the server's machine crashes, it can lose transactions that BinGo has already delivered, and the position of BinGo with them`,
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
    `The server deletes binlogs after ${kept} s: if BinGo is down or paused for longer, it loses changes`,
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
    lacking('REPLICATION SLAVE', true, ': the server sends no binlog without it')
  }
  if (!grants.hasGlobal('REPLICATION CLIENT', 'BINLOG MONITOR')) {
    const needed = start !== null && start.tag !== 'gtid' && start.tag !== 'file'
    lacking(
      monitor,
      needed,
      `: BinGo cannot query the server's position${needed ? ', where the first start begins' : ' and the lag'}`,
    )
  }
  if (facts.variables.get('binlog_row_metadata') !== 'FULL' && !grants.hasAny('SELECT')) {
    lacking('SELECT', false, ': BinGo must query column names because binlog_row_metadata is not FULL')
  } else if (facts.flavour === 'mariadb' && !grants.hasAny('SELECT')) {
    lacking(
      'SELECT',
      false,
      ': the binlog of MariaDB does not tell UUID, INET4, INET6 and VECTOR columns or system-versioned tables. A rule on a table that may have them stops BinGo (BINGO_SCHEMA_UNKNOWN)',
    )
  }
  if (grants.hasGlobal('ALL PRIVILEGES', 'SUPER')) {
    findings.push(
      warning(
        'BINGO_PREFLIGHT_PRIVILEGES',
        `The account ${account} has all privileges; BinGo needs only REPLICATION SLAVE and ${monitor}`,
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
