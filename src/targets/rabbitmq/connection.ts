import type { Connection } from 'rabbitmq-client'
import { openAmqp } from '../../clients/rabbitmq.ts'
import { serverName } from '../../model/server-name.ts'
import { readTls } from '../tls-files.ts'
import { ConfirmChannel } from './confirm-channel.ts'
import type { RabbitmqTargetOptions } from './options.ts'

const CONNECT_TIMEOUT_MS = 5_000
/** Both sides speak at least this often, so that a connection that is half-open and idle is noticed within 20 s. */
const HEARTBEAT_S = 10

/** The broker has stopped reading from publishers: it is short of memory or disk. */
export class BrokerBlockedError extends Error {
  constructor(reason: string) {
    super(`the broker blocks publishing: ${reason}`)
    this.name = 'BrokerBlockedError'
  }
}

/** No connection came about; `cause` is what the socket, TLS or the broker said. */
export class ConnectError extends Error {
  constructor(cause: unknown) {
    super('no connection', { cause })
    this.name = 'ConnectError'
  }
}

/**
 * One connection to the broker, from its handshake to its first trouble, after which it is `lost` and another has to be
 * opened. The client could reconnect by itself; it is not let, because then a send could meet channels and frames of
 * before the loss.
 */
export class BrokerConnection {
  readonly #connection: Connection
  readonly #channels = new Map<string, Promise<ConfirmChannel>>()
  readonly #waiting = new Set<(reason: BrokerBlockedError) => void>()
  #blockedReason: string | null = null
  #lost = false
  #users = 0
  /** What is to be done when the last send that uses it has ended. */
  #end: (() => Promise<void>) | null = null

  private constructor(connection: Connection) {
    this.#connection = connection
    // Ends the client's own attempts to reconnect.
    connection.on('error', () => this.destroy())
    connection.on('connection.blocked', (reason) => {
      this.#blockedReason = reason
      for (const reject of this.#waiting) reject(new BrokerBlockedError(reason))
    })
    connection.on('connection.unblocked', () => (this.#blockedReason = null))
  }

  /** Rejects with the broker's NOT_FOUND, or its refusal. */
  async mustHave(exchange: string): Promise<void> {
    await this.#connection.exchangeDeclare({ exchange, passive: true })
  }

  /** Rejects with ConnectError; when `signal` fires, without waiting for the broker any longer. */
  static async open(options: RabbitmqTargetOptions, signal: AbortSignal): Promise<BrokerConnection> {
    const client = openAmqp({
      url: options.url,
      connectionName: 'bingo',
      acquireTimeout: CONNECT_TIMEOUT_MS,
      connectionTimeout: CONNECT_TIMEOUT_MS,
      heartbeat: HEARTBEAT_S,
      ...(options.tls !== null || /^amqps:/i.test(options.url)
        ? { tls: { ...serverName(new URL(options.url).hostname), ...readTls(options.tls ?? {}) } }
        : {}),
    })
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    client.once('connection', resolve)
    client.once('error', reject)
    const abort = (): void => reject(signal.reason)
    signal.addEventListener('abort', abort)
    const connection = new BrokerConnection(client)
    try {
      await promise
      return connection
    } catch (cause) {
      connection.destroy()
      throw new ConnectError(cause)
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  /** Whether a send may begin on it. */
  get usable(): boolean {
    return !this.#lost && this.#end === null
  }

  /** A send that uses it has begun. */
  enter(): void {
    this.#users += 1
  }

  /** A send that used it has ended. */
  exit(): void {
    this.#users -= 1
    if (this.#users === 0) void this.#end?.()
  }

  /** No other send begins on it; `end` is called when the last one has ended. Resolves at once where one is in flight. */
  async whenUnused(end: () => Promise<void>): Promise<void> {
    this.#end = end
    if (this.#users === 0) await end()
  }

  /**
   * Each exchange has a channel of its own, as a missing exchange closes the channel that it is used on; and each of the
   * sends in flight, told apart by `slot`, as a message that the broker does not take closes it for all that are on it.
   */
  channel(exchange: string, slot: number): Promise<ConfirmChannel> {
    const name = channelName(exchange, slot)
    let opening = this.#channels.get(name)
    if (opening === undefined) {
      opening = ConfirmChannel.open(this.#connection)
      this.#channels.set(name, opening)
    }
    return opening
  }

  /** The next use of the exchange opens another channel. */
  forget(exchange: string, slot: number): void {
    this.#channels.delete(channelName(exchange, slot))
  }

  /** Calls as soon as the broker says that it takes nothing; answers what ends that. */
  onBlocked(listener: (reason: BrokerBlockedError) => void): () => void {
    this.#waiting.add(listener)
    return () => this.#waiting.delete(listener)
  }

  /** What `work` resolves to; rejects with BrokerBlockedError as soon as the broker says that it takes nothing. */
  async unlessBlocked<T>(work: () => Promise<T>): Promise<T> {
    if (this.#blockedReason !== null) throw new BrokerBlockedError(this.#blockedReason)
    const { promise, reject } = Promise.withResolvers<never>()
    const forget = this.onBlocked(reject)
    try {
      return await Promise.race([work(), promise])
    } finally {
      forget()
    }
  }

  /** In good order, which a broker that does not answer can hold up: bound it, and `destroy` after that. */
  async close(): Promise<void> {
    const closing = [...this.#channels.values()].map(async (opening) => (await opening).close())
    await Promise.allSettled(closing)
    await this.#connection.close()
  }

  /** Everything that waits on this connection is rejected. */
  destroy(): void {
    this.#lost = true
    this.#connection.unsafeDestroy()
  }
}

function channelName(exchange: string, slot: number): string {
  return `${slot} ${exchange}`
}
