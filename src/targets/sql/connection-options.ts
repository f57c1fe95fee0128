import { connect, isIP } from 'node:net'
import type { Socket } from 'node:net'
import type { PoolOptions } from 'mysql2/promise'
import { readTls } from '../tls-files.ts'
import type { SqlTargetOptions } from './options.ts'

const CONNECT_TIMEOUT_MS = 5_000
const KEEP_ALIVE_MS = 10_000
const PORT = 3306

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
  return options.tls === null ? common : { ...common, ...verified(options) }
}

/**
 * TLS with the name in the certificate checked, which mysql2 does only when told to, only against `host`, and for an IP
 * address against "localhost". So `host` is the expected name here, and the socket is connected by us: Node.js takes the
 * address to check from it where there is no name.
 */
function verified({ url, tls }: SqlTargetOptions): PoolOptions {
  const { servername, ...ssl } = readTls(tls!)
  const { hostname, port } = new URL(url)
  const host = hostname.replaceAll(/^\[|\]$/g, '')
  return {
    ...(servername !== undefined && { host: servername }),
    ssl: { ...ssl, minVersion: 'TLSv1.2', verifyIdentity: true },
    stream: () => {
      const socket: Socket & { _host?: string } = connect(port === '' ? PORT : Number(port), host)
      socket.setKeepAlive(true, KEEP_ALIVE_MS)
      if (isIP(host) !== 0) socket._host = host
      return socket
    },
  }
}
