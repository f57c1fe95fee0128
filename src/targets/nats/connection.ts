import type { JetStreamClient } from '@nats-io/jetstream'
import type { Authenticator, NatsConnection, NodeConnectionOptions } from '@nats-io/transport-node'
import { credentialsLogin, dialNats, jetstreamOf, nkeyLogin } from '../../clients/nats/nats.ts'
import { readSmallFile } from '../../model/small-file.ts'
import { readTls } from '../tls-files.ts'
import { withDeadline } from '../../model/with-deadline.ts'
import type { NatsTargetOptions } from './options.ts'

const CONNECT_TIMEOUT_MS = 5_000
const CLOSE_TIMEOUT_MS = 1_000
/** A connection that is half-open and idle is found out within the third of these. */
const PING_INTERVAL_MS = 5_000
const MAX_PINGS_OUT = 2

/** No connection came about; `cause` is what the socket, TLS or the server said. */
export class ConnectError extends Error {
  constructor(cause: unknown) {
    super('no connection', { cause })
    this.name = 'ConnectError'
  }
}

/**
 * One connection, from its handshake to its first trouble. The client could reconnect by itself; it is not let, because
 * it keeps what was published meanwhile, without a bound, and sends it later in addition to our own repetition.
 */
export class ServerConnection {
  readonly client: NatsConnection
  readonly jetstream: JetStreamClient
  /** Subjects that the server would not let us publish to, since they were last asked for. */
  readonly #denied = new Map<string, Error>()

  private constructor(client: NatsConnection) {
    this.client = client
    this.jetstream = jetstreamOf(client)
    void this.#watch()
  }

  /** Rejects with ConnectError. */
  static async open(options: NatsTargetOptions): Promise<ServerConnection> {
    try {
      return new ServerConnection(await dialNats(connectionOptions(options)))
    } catch (cause) {
      throw new ConnectError(cause)
    }
  }

  get lost(): boolean {
    return this.client.isClosed()
  }

  /** Of a publish in core NATS, which the server answers only when it refuses it. Asked for once. */
  takeDenial(subject: string): Error | undefined {
    const denial = this.#denied.get(subject)
    this.#denied.delete(subject)
    return denial
  }

  async close(): Promise<void> {
    await withDeadline(this.client.close(), CLOSE_TIMEOUT_MS).catch(() => undefined)
  }

  async #watch(): Promise<void> {
    for await (const status of this.client.status()) {
      if (status.type !== 'error') continue
      const { error } = status
      if ('operation' in error && error.operation === 'publish' && 'subject' in error) {
        this.#denied.set(String(error.subject), error)
      }
    }
  }
}

function connectionOptions(options: NatsTargetOptions): NodeConnectionOptions {
  const urls = options.url.split(',').map((text) => new URL(text.trim()))
  const [first] = urls
  const encrypted = options.tls !== null || urls.some((url) => url.protocol === 'tls:')
  const authenticator = authenticatorOf(options)
  return {
    servers: urls.map((url) => url.host),
    name: 'bingo',
    timeout: CONNECT_TIMEOUT_MS,
    reconnect: false,
    // It would take the stack twice for each message, in case that it fails.
    noAsyncTraces: true,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: MAX_PINGS_OUT,
    ...(first &&
      first.username !== '' && { user: decodeURIComponent(first.username), pass: decodeURIComponent(first.password) }),
    ...(options.token !== undefined && { token: options.token }),
    ...(authenticator && { authenticator }),
    ...(encrypted && { tls: readTls(options.tls ?? {}) }),
  }
}

function authenticatorOf({ credentials, nkey }: NatsTargetOptions): Authenticator | undefined {
  if (credentials !== undefined) return credentialsLogin(readSmallFile(credentials))
  return nkey === undefined ? undefined : nkeyLogin(nkey.trim())
}
