import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
// oxlint-disable-next-line no-restricted-imports -- how redis.ts's connections reach their servers
import { AbstractConnector, SentinelConnector, type RedisOptions, type SentinelConnectionOptions } from 'ioredis'
import { serverName } from '../../model/server-name.ts'
import { ReplyRouter } from './reply-router.ts'

type Stream = Socket | TLSSocket

/**
 * Connects to one server, a node of a Cluster or a Sentinel. Unlike ioredis's own it tells a server by which name it is
 * called (SNI), each its own, and guards the client against the lengths in its replies.
 */
export class ServerConnector extends AbstractConnector {
  readonly #options: RedisOptions

  constructor(options: unknown) {
    super((options as RedisOptions).disconnectTimeout ?? 0)
    this.#options = options as RedisOptions
  }

  override async connect(): Promise<Stream> {
    const { host = 'localhost', port = 6379, tls } = this.#options
    this.connecting = true
    // `disconnect` may come in the same turn.
    await Promise.resolve()
    if (!this.connecting) throw new Error('Connection is closed.')
    const stream = tls ? connectTls({ host, port, ...serverName(host), ...tls }) : connectTcp({ host, port })
    stream.once('error', (error: Error) => (this.firstError = error))
    this.stream = ReplyRouter.putBefore(stream)
    return this.stream
  }
}

/** What ioredis keeps private of its Sentinel connector. */
interface SentinelInternals {
  resolve(sentinel: unknown): Promise<{ readonly host: string } | null>
  connectToSentinel(sentinel: unknown, options?: object): unknown
}

/** Connects to the master that Sentinels name, in the same way. */
export class MasterConnector extends SentinelConnector {
  constructor(options: unknown) {
    super(options as SentinelConnectionOptions)
    const internals = this as unknown as SentinelInternals
    const resolve = internals.resolve.bind(this)
    internals.resolve = async (sentinel) => {
      const master = await resolve(sentinel)
      return master && { ...serverName(master.host), ...master }
    }
    const connectToSentinel = internals.connectToSentinel.bind(this)
    internals.connectToSentinel = (sentinel, more) =>
      connectToSentinel(sentinel, { Connector: ServerConnector, ...more })
  }

  override async connect(onError: (type: string, error: Error) => void): Promise<Stream> {
    return ReplyRouter.putBefore(await super.connect(onError))
  }
}
