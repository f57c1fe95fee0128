import { isIP, type IpcNetConnectOpts, type TcpNetConnectOpts } from 'node:net'
import { checkServerIdentity, type TLSSocket } from 'node:tls'
import type { ConnectionOptions, SslOptions } from 'mysql2'
import { ed25519Plugin } from './ed25519-plugin.ts'
import type { SourceAddress, SourceTls } from '../../source-address.ts'

const KEEP_ALIVE_MS = 10_000

/** Where and how to connect, for a socket that is not made by mysql2. */
export function socketOptions(address: SourceAddress): TcpNetConnectOpts | IpcNetConnectOpts {
  if (address.socketPath !== undefined) return { path: address.socketPath }
  const { host, port } = address
  return { host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS }
}

/** What mysql2 needs to connect, for the replica connection and the control connection alike. */
export function connectionConfig(address: SourceAddress, connectTimeoutMs: number): ConnectionOptions {
  return {
    ...(address.socketPath === undefined
      ? { host: address.host, port: address.port }
      : { socketPath: address.socketPath }),
    user: address.user,
    password: address.password,
    charset: 'utf8mb4',
    connectTimeout: connectTimeoutMs,
    // A dead peer behind a firewall is noticed although nothing is being sent.
    enableKeepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
    supportBigNumbers: true,
    // The cache for them takes all its room at once: 0.5 MB for the 16,000 that mysql2 keeps.
    maxPreparedStatements: 1_000,
    bigNumberStrings: false,
    connectAttributes: { program_name: 'bingo' },
    authPlugins: { client_ed25519: ed25519Plugin },
    // The password as it is: for a server that is known to be the right one, never for one that only says so.
    enableCleartextPlugin: address.socketPath !== undefined || address.tls.mode === 'verify-full',
    ...(address.tls.mode === 'disable' ? {} : { ssl: sslOptions(address.tls, address.host) }),
  }
}

function sslOptions(tls: SourceTls, host: string): SslOptions {
  return {
    minVersion: 'TLSv1.2',
    rejectUnauthorized: tls.mode !== 'require',
    // mysql2 checks names only; addresses are checked by `verifyIpIdentity`.
    verifyIdentity: tls.mode === 'verify-full' && isIP(host) === 0,
    ...(tls.ca !== undefined && { ca: tls.ca }),
    ...(tls.cert !== undefined && { cert: tls.cert }),
    ...(tls.key !== undefined && { key: tls.key }),
  }
}

/** The part of mysql2's connection that upgrades to TLS; not in its type declarations. */
interface TlsUpgrading {
  startTLS(onSecure: (error?: Error) => void): void
  readonly stream: TLSSocket
}

/**
 * With `verify-full` and an IP address as host, mysql2 would compare the certificate with "localhost": compare it with
 * the address instead, before the password is sent.
 */
export function verifyIpIdentity(connection: unknown, address: SourceAddress): void {
  if (address.tls.mode !== 'verify-full' || isIP(address.host) === 0 || address.socketPath !== undefined) return
  const upgrading = connection as TlsUpgrading
  const startTls = upgrading.startTLS.bind(upgrading)
  upgrading.startTLS = (onSecure) =>
    startTls((error) => {
      onSecure(error ?? checkServerIdentity(address.host, upgrading.stream.getPeerCertificate()))
    })
}
