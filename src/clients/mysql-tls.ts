import { connect, isIP } from 'node:net'
import type { Socket } from 'node:net'
import type { PoolOptions } from 'mysql2/promise'

const KEEP_ALIVE_MS = 10_000
const PORT = 3306

export interface MysqlTls {
  readonly rejectUnauthorized: true
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  /** Name that the certificate has to carry, where that is not the host's. */
  readonly servername?: string
}

/**
 * TLS with the name in the certificate checked, which mysql2 does only when told to, only against `host`, and for an IP
 * address against "localhost". So `host` is the expected name here, and the socket is connected by us: Node.js takes the
 * address to check from it where there is no name.
 */
export function verifiedTls(url: string, { servername, ...ssl }: MysqlTls): PoolOptions {
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
