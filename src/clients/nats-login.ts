import type { NodeConnectionOptions } from '@nats-io/transport-node'
import { readSmallFile } from '../model/small-file.ts'
import type { AddressTls } from './address-tls.ts'
import { credentialsLogin } from './nats.ts'

const CONNECT_TIMEOUT_MS = 5_000
const PING_INTERVAL_MS = 5_000
const MAX_PINGS_OUT = 2

/** Where servers of NATS are, and who logs in. */
export interface NatsLogin {
  readonly servers: readonly string[]
  /** User and password, or a token where there is no password. */
  readonly user: string
  readonly password: string
  /** Path of a .creds file. */
  readonly credentials: string | null
  readonly tls: AddressTls | null
}

/**
 * For a connection that ends with its first trouble: the client would keep what was published meanwhile, and send it in
 * addition to what its user repeats.
 */
export function natsOptions({ servers, user, password, credentials, tls }: NatsLogin): NodeConnectionOptions {
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
    ...(tls !== null && { tls: files }),
  }
}
