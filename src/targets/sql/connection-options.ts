import type { PoolOptions } from 'mysql2/promise'
import { verifiedTls } from '../../clients/mysql-tls.ts'
import { readTls } from '../tls-files.ts'
import type { SqlTargetOptions } from './options.ts'

const CONNECT_TIMEOUT_MS = 5_000
const KEEP_ALIVE_MS = 10_000

/** What mysql2 needs to connect to the target. */
export function poolOptions(options: SqlTargetOptions): PoolOptions {
  const common: PoolOptions = {
    uri: options.url,
    connectionLimit: options.connections,
    connectTimeout: CONNECT_TIMEOUT_MS,
    enableKeepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
    charset: 'utf8mb4',
    timezone: 'Z',
  }
  return options.tls === null ? common : { ...common, ...verifiedTls(options.url, readTls(options.tls)) }
}
