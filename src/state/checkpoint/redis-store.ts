import type { RedisConnection } from '../../clients/redis/redis.ts'
import type { Checkpoint, CheckpointStore } from '../../model/state/checkpoint.ts'
import { fenced, parseCheckpoint, serialiseCheckpoint, unreachable } from './record.ts'

/** How long a load and the first save wait for the connection before it reports the store unreachable. */
const READY_TIMEOUT_MS = 5_000

/**
 * KEYS[1] checkpoint · ARGV[1] new value · ARGV[2] its epoch. Answers 0 when saved, else the higher stored epoch.
 * A value that cannot be read does not stop a save: `load` has refused it long before.
 */
const SAVE = `
local stored = redis.call('GET', KEYS[1])
if stored then
  local ok, record = pcall(cjson.decode, stored)
  if ok and type(record) == 'table' and type(record.epoch) == 'number' and record.epoch > tonumber(ARGV[2]) then
    return record.epoch
  end
end
redis.call('SET', KEYS[1], ARGV[1])
return 0`

/** The braces are a Cluster hash tag: all keys of one instance live on one node. */
export function checkpointKey(name: string): string {
  return `bingo:{${name}}:checkpoint`
}

/**
 * The checkpoint as one Redis string. A save is one script, so that comparing the epoch and writing cannot be torn
 * apart; after a lost reply it may be repeated freely.
 */
export class RedisCheckpointStore implements CheckpointStore {
  readonly description: string
  readonly #redis: RedisConnection
  readonly #name: string
  readonly #key: string
  /** From then on an outage is reported at once: the caller decides when to try again. */
  #wasReady = false

  /** Owns `redis`: `close` closes it. */
  constructor(redis: RedisConnection, name: string) {
    this.#redis = redis
    this.#name = name
    this.#key = checkpointKey(name)
    this.description = `${redis.address} ${this.#key}`
  }

  async load(): Promise<Checkpoint | null> {
    const failed = (error: unknown): Error => unreachable(this.description, error)
    const stored = await this.#redis.run((client) => client.get(this.#key), failed)
    return stored === null ? null : parseCheckpoint(stored, this.#name, this.description)
  }

  async save(checkpoint: Checkpoint): Promise<void> {
    let epoch: unknown
    try {
      if (!this.#wasReady) await this.#redis.whenReady(READY_TIMEOUT_MS)
      this.#wasReady = true
      epoch = await this.#redis.client.eval(SAVE, 1, this.#key, serialiseCheckpoint(checkpoint), checkpoint.epoch)
    } catch (error) {
      throw unreachable(this.description, this.#redis.ready ? error : this.#redis.unreachable())
    }
    if (epoch !== 0) throw fenced(this.description, `epoch ${String(epoch)} > ${checkpoint.epoch}`)
  }

  close(): Promise<void> {
    return this.#redis.close()
  }
}
