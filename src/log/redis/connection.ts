import { createHash } from 'node:crypto'
import { RedisConnection } from '../../clients/redis/redis.ts'
import type { RedisClient } from '../../clients/redis/redis.ts'
import { askRedisServer } from '../../clients/redis/server-facts.ts'
import type { Log } from '../../model/rule/action.ts'
import { InFlight } from '../../model/in-flight.ts'
import { logClosed } from '../errors.ts'
import type { EventRedisAddress } from './address.ts'
import { notConfirmed, redisError } from './errors.ts'
import { judgeServer, type Safety } from './safety.ts'

type Argument = string | number

/** For how long a call waits for a server that is down. */
const READY_TIMEOUT_MS = 3_000
/** For an fsync, or for replicas. */
const CONFIRM_MS = 4_000
const COMMAND_TIMEOUT_MS = 6_000
/** Where one may wait for both. */
const CONFIRMED_TIMEOUT_MS = 10_000

/**
 * The connections of a store. Nothing is sent twice: a command whose answer was lost is rejected, and whoever called asks
 * again. What waits for an fsync or a replica has a connection of its own: everything behind it would wait too.
 */
export class EventRedis {
  readonly #address: EventRedisAddress
  readonly #log: Log
  readonly #key: string
  readonly #hashes = new Map<string, string>()
  readonly #main: RedisConnection
  readonly #waiting: RedisConnection | null
  readonly #running = new InFlight()
  #watching: RedisConnection | null = null
  #asking: Promise<Safety> | null = null
  #safety: Safety | null = null
  #said = ''
  #closed = false

  constructor(address: EventRedisAddress, name: string, log: Log) {
    this.#address = address
    this.#log = log
    this.#key = `bingo-events:{${address.prefix}}`
    this.#main = this.#open(`${name}:events`)
    const waits = address.durability === 'fsync' || address.replicas > 0
    this.#waiting = waits ? this.#open(`${name}:events-durable`, CONFIRMED_TIMEOUT_MS) : null
    // It may be another server now.
    for (const each of [this.#main, this.#waiting]) each?.onReady(() => (this.#asking = null))
    this.#name = name
  }

  readonly #name: string

  #open(name: string, commandTimeoutMs = COMMAND_TIMEOUT_MS): RedisConnection {
    return new RedisConnection(this.#address.redis, { log: this.#log, name, commandTimeoutMs })
  }

  /** Of the server that is connected, or was last; until one was, the least. */
  get durability(): Safety['durability'] {
    return this.#safety?.durability ?? 'memory'
  }

  /** Rejects with BingoErrors only: BINGO_LOG_UNSAFE for a server that would lose events. */
  check(): Promise<Safety> {
    return this.#guarded(() => this.#checked(this.#main))
  }

  run(script: string, args: readonly Argument[]): Promise<unknown> {
    return this.#guarded(async () => {
      await this.#checked(this.#main)
      return this.#evaluate(this.#main.client, script, args)
    })
  }

  /** Resolves when what it changed is as durable as it was asked for. */
  runDurably(script: string, args: readonly Argument[]): Promise<unknown> {
    return this.#guarded(async () => {
      const connection = this.#waiting ?? this.#main
      const { waitsForFsync } = await this.#checked(connection)
      const { replicas } = this.#address
      if (!waitsForFsync && replicas === 0) return this.#evaluate(connection.client, script, args)
      const commands: [string, ...Argument[]][] = [
        ...(waitsForFsync ? [['WAITAOF', 1, 0, CONFIRM_MS] as [string, ...Argument[]]] : []),
        ...(replicas > 0 ? [['WAIT', replicas, CONFIRM_MS] as [string, ...Argument[]]] : []),
      ]
      const [answer, ...confirmed] = await this.#evaluateWith(connection.client, script, args, commands)
      const replica = confirmed.at(-1)
      if (waitsForFsync && (confirmed[0] as [number])[0] < 1) throw notConfirmed(this.#address.printable, 'fsync')
      if (replicas > 0 && (replica as number) < replicas) {
        throw notConfirmed(this.#address.printable, `${String(replica)} of ${replicas} replicas`)
      }
      return answer
    })
  }

  /** Resolves with the next place, as soon as there is an entry behind this one; null: there was none for a while. */
  async entryBehind(place: number, waitMs: number): Promise<number | null> {
    const client = await this.#watcher()
    const found = await client?.xread('COUNT', 1, 'BLOCK', waitMs, 'STREAMS', `${this.#key}:log`, `${place}-0`)
    return found ? placeOf(found[0]![1]) : null
  }

  /** Null: there is no entry. */
  async lastPlace(): Promise<number | null> {
    const client = await this.#watcher()
    return client === null ? null : placeOf(await client.xrevrange(`${this.#key}:log`, '+', '-', 'COUNT', 1))
  }

  /** Null: everything is closed. */
  async #watcher(): Promise<RedisClient | null> {
    if (this.#closed) return null
    this.#watching ??= this.#open(`${this.#name}:events-watch`)
    const connection = this.#watching
    await connection.whenReady(READY_TIMEOUT_MS)
    return connection.client
  }

  /** What is under way ends first. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#running.ended()
    const watching = this.#watching?.close()
    // It waits for entries, and would not hear that it is to end.
    this.#watching?.client.disconnect()
    await Promise.all([watching, this.#waiting?.close(), this.#main.close()])
  }

  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw logClosed(this.#address.printable)
    try {
      return await this.#running.add(work())
    } catch (error) {
      throw redisError(this.#address.printable, error)
    }
  }

  async #checked(connection: RedisConnection): Promise<Safety> {
    if (!connection.ready) await connection.whenReady(READY_TIMEOUT_MS)
    this.#asking ??= this.#ask(connection.client)
    const asking = this.#asking
    try {
      return await asking
    } catch (error) {
      if (this.#asking === asking) this.#asking = null
      throw error
    }
  }

  async #ask(client: RedisClient): Promise<Safety> {
    this.#safety = judgeServer(await askRedisServer(client, this.#key), this.#address)
    this.#say(this.#safety)
    return this.#safety
  }

  #say({ durability, warnings }: Safety): void {
    const text = [durability, ...warnings].join('; ')
    if (text === this.#said) return
    this.#said = text
    const fields = { log: this.#address.printable, durability }
    if (warnings.length === 0) this.#log.info(fields, 'Redis keeps posted events')
    for (const warning of warnings) this.#log.warn(fields, warning)
  }

  async #evaluate(client: RedisClient, script: string, args: readonly Argument[]): Promise<unknown> {
    try {
      return await client.evalsha(this.#hashOf(script), 1, this.#key, ...args)
    } catch (error) {
      if (!isUnknownScript(error)) throw error
      return client.eval(script, 1, this.#key, ...args)
    }
  }

  /** One after the other on one connection of one node. */
  async #evaluateWith(
    client: RedisClient,
    script: string,
    args: readonly Argument[],
    commands: readonly [string, ...Argument[]][],
  ): Promise<unknown[]> {
    for (const known of [true, false]) {
      const pipeline = client.pipeline()
      if (known) pipeline.evalsha(this.#hashOf(script), 1, this.#key, ...args)
      else pipeline.eval(script, 1, this.#key, ...args)
      for (const [name, ...rest] of commands) pipeline.call(name, ...rest)
      const answers = (await pipeline.exec()) ?? []
      const failed = answers.find(([error]) => error !== null)?.[0]
      if (failed === undefined) return answers.map(([, answer]) => answer)
      if (!known || !isUnknownScript(answers[0]?.[0])) throw failed
    }
    throw new Error('the server forgets its scripts')
  }

  #hashOf(script: string): string {
    let hash = this.#hashes.get(script)
    if (hash === undefined) {
      hash = createHash('sha1').update(script).digest('hex')
      this.#hashes.set(script, hash)
    }
    return hash
  }
}

/** Of the first of some entries, whose ids are `PLACE-0`. */
function placeOf([entry]: readonly [string, string[]][]): number | null {
  return entry === undefined ? null : Number.parseInt(entry[0], 10)
}

function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}
