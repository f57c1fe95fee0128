import { setTimeout as delay } from 'node:timers/promises'
import { systemClock } from '../../model/clock.ts'
import { BingoError } from '../../model/errors.ts'
import { Outage } from '../guards/outage.ts'
import { connectNodes, nodesOf, openClient } from './redis-client.ts'
import type { RedisClient, RedisConnectionOptions } from './redis-client.ts'
import { isLoginRefused } from './refusal.ts'
import { parseRedisUrl, type RedisAddress } from './redis-url.ts'
import { whenRepliesFit } from '../guards/reply-probe.ts'

export type { RedisClient, RedisConnectionOptions } from './redis-client.ts'

const CLOSE_TIMEOUT_MS = 1_000
const READY_TIMEOUT_MS = 5_000
/**
 * An open connection (single server, Sentinel group or Cluster). It reconnects by itself for ever; meanwhile commands
 * are rejected at once, and nothing is ever sent twice: whoever called decides about a retry.
 */
export class RedisConnection {
  readonly mode: RedisAddress['mode']
  /** Printable address, no credentials. */
  readonly address: string
  readonly #open: () => RedisClient
  readonly #outage: Outage
  readonly #readyListeners = new Set<() => void>()
  #client: RedisClient
  #ready = false
  #doubted = false
  #closed = false
  #lastError: Error | null = null

  constructor(address: RedisAddress, options: RedisConnectionOptions) {
    this.mode = address.mode
    this.address = address.printable
    this.#open = () => openClient(address, options)
    this.#outage = new Outage('Redis', options.log.child({ redis: address.printable }), systemClock)
    this.#client = this.#follow(this.#open())
  }

  /** Another one after `renew`: not to be kept. */
  get client(): RedisClient {
    return this.#client
  }

  #follow(client: RedisClient): RedisClient {
    const isCurrent = (): boolean => this.#client === client && !this.#closed
    client.on('ready', async () => {
      await connectNodes(client)
      if (!isCurrent() || client.status !== 'ready') return
      this.#ready = true
      this.#lastError = null
      this.#outage.ended()
      this.#announce()
    })
    client.on('error', (error: Error) => {
      if (isCurrent()) this.#lastError = rootCause(error)
    })
    client.on('close', () => {
      if (!isCurrent()) return
      this.#ready = false
      this.#outage.failed(this.#lastError ?? { message: 'connection closed' })
    })
    return client
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
    void Promise.all(nodesOf(this.#client).map((node) => whenRepliesFit(node))).then(() => {
      this.#doubted = false
      if (this.#ready) this.#announce()
    })
  }

  /** Drops a connection that answers what it was not asked, and opens a new one. */
  reset(reason: string): void {
    this.#lastError = new Error(reason)
    for (const node of nodesOf(this.#client)) node.disconnect(true)
  }

  /**
   * Closes the connection and opens another one, for which names are looked up, and Sentinels and nodes are asked again.
   * Nothing may be under way. Resolves when it is ready, or after `timeoutMs`: then it is down, as after any other loss.
   */
  async renew(timeoutMs: number): Promise<void> {
    if (!this.ready || this.#closed) return
    this.#ready = false
    const previous = this.#client
    this.#client = this.#follow(this.#open())
    previous.disconnect()
    await this.whenReady(timeoutMs).catch(() => undefined)
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

  /** What `work` resolves to, on the connection once it is ready. Rejects with what `named` makes of any failure. */
  async run<T>(work: (client: RedisClient) => Promise<T>, named: (error: unknown) => Error): Promise<T> {
    try {
      await this.whenReady(READY_TIMEOUT_MS)
      return await work(this.client)
    } catch (error) {
      throw named(error)
    }
  }

  /** The error to report while this connection is down. */
  unreachable(): BingoError {
    const reason = this.#lastError ? `: ${this.#lastError.message}` : ''
    const refused = isLoginRefused(this.#lastError?.message ?? '')
    const what = refused ? 'refuses the login' : 'is unreachable'
    return new BingoError('BINGO_REDIS_UNREACHABLE', `Redis at ${this.address} ${what}${reason}`, {
      hint: refused
        ? 'Check user and password in the address; without a user, the password still follows a colon.'
        : 'Check that Redis is up, and check host, port and TLS in the address.',
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
      await Promise.race([this.#client.quit().catch(() => undefined), timeout])
      timer.abort()
    }
    this.#ready = false
    this.#client.disconnect()
  }
}

/** Opens a Redis connection in the background. Throws BINGO_REDIS_URL_INVALID only; wait with `whenReady`. */
export function openRedis(url: string, options: RedisConnectionOptions): RedisConnection {
  return new RedisConnection(parseRedisUrl(url), options)
}

/** A Cluster wraps the reason per node. */
function rootCause(error: Error): Error {
  const last: unknown = 'lastNodeError' in error ? error.lastNodeError : undefined
  return last instanceof Error ? last : error
}
