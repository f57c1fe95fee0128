import type { NodeConnectionOptions } from '@nats-io/transport-node'
import { readSmallFile } from '../../model/small-file.ts'
import type { NatsLogin } from './login.ts'
import { credentialsLogin, nkeyLogin } from './nats.ts'

const CONNECT_TIMEOUT_MS = 5_000
const PING_INTERVAL_MS = 5_000
const MAX_PINGS_OUT = 2

/**
 * For a connection that ends with its first trouble: the client would keep what was published meanwhile, and send it in
 * addition to what its user repeats.
 */
export function natsOptions({ servers, user, password, credentials, nkey, tls }: NatsLogin): NodeConnectionOptions {
  const { servername: _, ...files } = tls ?? {}
  return {
    servers: [...servers],
    name: 'bingo',
    timeout: CONNECT_TIMEOUT_MS,
    reconnect: false,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: MAX_PINGS_OUT,
    ...(user !== '' && (password === '' ? { token: user } : { user, pass: password })),
    ...(credentials !== null && { authenticator: credentialsLogin(readSmallFile(credentials)) }),
    ...(nkey !== null && { authenticator: nkeyLogin(readSmallFile(nkey).trim()) }),
    ...(tls !== null && { tls: files }),
  }
}
