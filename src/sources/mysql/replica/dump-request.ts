import type { Flavour } from '../../../model/table/table.ts'

/** From where on the server is asked to send. `gtidSet` comes first; `file` and `offset` count where it is null. */
export interface DumpRequest {
  readonly flavour: Flavour
  readonly file: string
  readonly offset: number
  readonly gtidSet: string | null
  readonly serverId: number
  /** Shown by the server as the replica's UUID; lets it drop a dump thread that an earlier connection left behind. */
  readonly replicaUuid: string
  readonly heartbeatMs: number
  readonly connectTimeoutMs: number
}

/** Seconds that the server lets a paused reader stand still before it drops the connection (RELIABILITY trap 4). */
const NET_TIMEOUT_S = 86_400

/**
 * Said before the dump is asked for. Both spellings of each name: MySQL 8.4 prefers `source_`, older servers and
 * MariaDB know `master_` only; setting a user variable that nobody reads is harmless.
 */
export function sessionStatements(request: DumpRequest): string[] {
  const heartbeatNs = BigInt(Math.round(request.heartbeatMs)) * 1_000_000n
  const statements = [
    `SET SESSION net_write_timeout = ${NET_TIMEOUT_S}, SESSION net_read_timeout = ${NET_TIMEOUT_S}`,
    `SET @master_heartbeat_period = ${heartbeatNs}, @source_heartbeat_period = ${heartbeatNs}`,
    'SET @master_binlog_checksum = @@global.binlog_checksum, @source_binlog_checksum = @@global.binlog_checksum',
  ]
  if (request.flavour === 'mysql') {
    statements.push(`SET @slave_uuid = '${request.replicaUuid}', @replica_uuid = '${request.replicaUuid}'`)
  }
  return statements
}
