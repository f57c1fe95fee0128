import { setTimeout as delay } from 'node:timers/promises'
// oxlint-disable-next-line no-restricted-imports -- this file is the one opener of Redis connections
import { Cluster, Redis, type ClusterOptions, type RedisOptions } from 'ioredis'
import type { Log } from '../model/rule/action.ts'
import { backoffMs } from '../model/delivery/backoff.ts'
import { systemClock } from '../model/clock.ts'
import { BingoError } from '../model/errors.ts'
import { Outage } from './outage.ts'
import { MasterConnector, ServerConnector } from './redis-connectors.ts'
import { parseRedisUrl, type RedisAddress } from './redis-url.ts'
import { whenRepliesFit } from './reply-probe.ts'

export type RedisClient = Redis | Cluster

export interface RedisConnectionOptions {
  readonly log: Log
  /** Shown by CLIENT LIST and in logs. */
  readonly name: string
  /** A command without an answer for this long is rejected. Default 5,000. */
  readonly commandTimeoutMs?: number
  /** A socket that owes a reply and says nothing for this long is dead (half-open). Default: six command timeouts. */
  readonly socketTimeoutMs?: number
}

const DEFAULT_COMMAND_TIMEOUT_MS = 5_000
/** `replyMapping` chooses among the constructor's overloads; it only matters to RESP3. */
type Options = Omit<RedisOptions, 'replyMapping'>
/** In command timeouts: how long a socket that owes a reply may say nothing. */
const SOCKET_TIMEOUTS = 6
const CLOSE_TIMEOUT_MS = 1_000

/**
 * An open connection (single server, Sentinel group or Cluster). It reconnects by itself for ever; meanwhile commands
 * are rejected at once, and nothing is ever sent twice: whoever called decides about a retry.
 */
export class RedisConnection {
  readonly client: RedisClient
  readonly mode: RedisAddress['mode']
  /** Printable address, no credentials. */
  readonly address: string
  readonly #readyListeners = new Set<() => void>()
  #ready = false
  #doubted = false
  #closed = false
  #lastError: Error | null = null

  constructor(address: RedisAddress, options: RedisConnectionOptions) {
    this.mode = address.mode
    this.address = address.printable
    this.client = address.mode === 'cluster' ? openCluster(address, options) : openSingle(address, options)
    const outage = new Outage('Redis', options.log.child({ redis: address.printable }), systemClock)
    this.client.on('ready', () => {
      this.#ready = true
      this.#lastError = null
      outage.ended()
      this.#announce()
    })
    this.client.on('error', (error: Error) => {
      this.#lastError = rootCause(error)
    })
    this.client.on('close', () => {
      this.#ready = false
      if (!this.#closed) outage.failed(this.#lastError ?? { message: 'connection closed' })
    })
  }

  /** Commands would be sent now. */
  get ready(): boolean {
    return this.#ready && !this.#doubted
  }

  /** Why it is down, as far as known. */
  get lastError(): Error | null {
    return this.#lastError
  }

  /**
   * To be told when command timed out. From then on it is not ready until the replies have caught up,
   * or the connection was made anew: what is sent behind an unanswered command, a retry of it above all, would be run
   * in addition to it (invariant 5).
   */
  doubt(): void {
    if (this.#doubted || this.#closed) return
    this.#doubted = true
    this.#lastError = new Error('command timed out')
    void Promise.all(this.#nodes().map((node) => whenRepliesFit(node))).then(() => {
      this.#doubted = false
      if (this.#ready) this.#announce()
    })
  }

  /** Drops a connection that answers what it was not asked, and opens a new one. */
  reset(reason: string): void {
    this.#lastError = new Error(reason)
    for (const node of this.#nodes()) node.disconnect(true)
  }

  #nodes(): readonly Redis[] {
    return this.client instanceof Cluster ? this.client.nodes('all') : [this.client]
  }

  #announce(): void {
    for (const listener of this.#readyListeners) listener()
  }

  /** Calls back each time the connection becomes ready; answers how to stop that. */
  onReady(listener: () => void): () => void {
    this.#readyListeners.add(listener)
    return () => this.#readyListeners.delete(listener)
  }

  /** Resolves once ready; rejects with BINGO_REDIS_UNREACHABLE after `timeoutMs`, or with the signal's reason. */
  async whenReady(timeoutMs: number, signal?: AbortSignal): Promise<void> {
    if (this.ready) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const stop = this.onReady(resolve)
    const timer = new AbortController()
    const waiting = signal ? AbortSignal.any([signal, timer.signal]) : timer.signal
    try {
      const timeout = delay(timeoutMs, 'timeout' as const, { signal: waiting })
      if ((await Promise.race([promise, timeout])) === 'timeout') throw this.unreachable()
    } catch (error) {
      throw signal?.aborted ? signal.reason : error
    } finally {
      stop()
      timer.abort()
    }
  }

  /** The error to report while this connection is down. */
  unreachable(): BingoError {
    const reason = this.#lastError ? `: ${this.#lastError.message}` : ''
    return new BingoError('BINGO_REDIS_UNREACHABLE', `Redis at ${this.address} is unreachable${reason}`, {
      hint: 'Check that Redis is up, and check host, port, user, password and TLS in the address.',
      retryable: true,
      cause: this.#lastError,
    })
  }

  /** Lets commands in flight finish for up to a second, then disconnects. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    if (this.#ready) {
      const timer = new AbortController()
      const timeout = delay(CLOSE_TIMEOUT_MS, undefined, { signal: timer.signal }).catch(() => undefined)
      await Promise.race([this.client.quit().catch(() => undefined), timeout])
      timer.abort()
    }
    this.#ready = false
    this.client.disconnect()
  }
}

/** Opens a Redis connection in the background. Throws BINGO_REDIS_URL_INVALID only; wait with `whenReady`. */
export function openRedis(url: string, options: RedisConnectionOptions): RedisConnection {
  return new RedisConnection(parseRedisUrl(url), options)
}

/**
 * What keeps a lost reply from running a command twice, or never settling: nothing unanswered is sent again
 * (autoResendUnfulfilledCommands), it is rejected at the first loss (maxRetriesPerRequest 0) or after the timeout, and
 * nothing is queued while the connection is down (enableOfflineQueue), so memory stays bounded (invariants 5, 6).
 */
function safeOptions(address: RedisAddress, options: RedisConnectionOptions): Options {
  const commandTimeout = options.commandTimeoutMs ?? DEFAULT_COMMAND_TIMEOUT_MS
  return {
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout,
    // After a command timeout the socket stays, so that a retry cannot overtake the original on another socket.
    socketTimeout: options.socketTimeoutMs ?? commandTimeout * SOCKET_TIMEOUTS,
    connectTimeout: 5_000,
    keepAlive: 10_000,
    connectionName: `bingo:${options.name}`,
    // RESP2 knows every reply that is read here, and works through proxies and servers before Redis 6.
    protocol: 2,
    ...(address.username !== undefined && { username: address.username }),
    ...(address.password !== undefined && { password: address.password }),
    ...(address.tls && { tls: address.tls }),
  }
}

function openSingle(address: RedisAddress, options: RedisConnectionOptions): Redis {
  const common: Options = {
    ...safeOptions(address, options),
    enableOfflineQueue: false,
    db: address.db,
    retryStrategy: reconnectDelay,
    // A demoted master answers READONLY: look the master up again; the command itself is rejected, not repeated.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  }
  if (address.mode === 'single') return new Redis({ ...common, ...address.hosts[0], Connector: ServerConnector })
  return new Redis({
    ...common,
    sentinels: address.hosts.map(({ host, port }) => ({ host, port })),
    ...(address.group !== undefined && { name: address.group }),
    ...(address.sentinelUsername !== undefined && { sentinelUsername: address.sentinelUsername }),
    ...(address.sentinelPassword !== undefined && { sentinelPassword: address.sentinelPassword }),
    sentinelRetryStrategy: reconnectDelay,
    Connector: MasterConnector,
    ...(address.tls && { enableTLSForSentinelMode: true, sentinelTLS: address.tls }),
  })
}

function openCluster(address: RedisAddress, options: RedisConnectionOptions): Cluster {
  const clusterOptions: Omit<ClusterOptions, 'redisOptions'> & { redisOptions: Options } = {
    enableOfflineQueue: false,
    // Anything above 0 makes ioredis repeat commands whose connection closed before the reply.
    retryDelayOnFailover: 0,
    clusterRetryStrategy: reconnectDelay,
    redisOptions: { ...safeOptions(address, options), Connector: ServerConnector },
    // With TLS the nodes' names must reach certificate verification unresolved.
    ...(address.tls && {
      dnsLookup: (host: string, done: (error: null, address: string) => void) => {
        done(null, host)
      },
    }),
  }
  return new Cluster(
    address.hosts.map(({ host, port }) => ({ host, port })),
    clusterOptions,
  )
}

function reconnectDelay(attempt: number): number {
  return 50 + backoffMs(attempt, 100, 2_000)
}

/** A Cluster wraps the reason per node. */
function rootCause(error: Error): Error {
  const last: unknown = 'lastNodeError' in error ? error.lastNodeError : undefined
  return last instanceof Error ? last : error
}
