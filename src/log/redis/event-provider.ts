import type { Clock } from '../../model/clock.ts'
import type { EventRecord } from '../../model/event/posted/event-record.ts'
import type { Log } from '../../model/rule/action.ts'
import type {
  EventFilter,
  EventName,
  EventPage,
  EventProvider,
  NewEvent,
  Posted,
  PostOptions,
  ProgressUpdate,
  ProviderCapabilities,
} from '../../model/state/event-provider.ts'
import { BatchedPosts } from '../batched-posts.ts'
import { logClosed } from '../errors.ts'
import { keyOfName } from '../event-name.ts'
import { postOf, recordOf, waits } from '../posting.ts'
import type { Bounds } from '../posting.ts'
import { cancelled, replayed } from '../progress.ts'
import type { EventRedisAddress } from './address.ts'
import { changeEvent, findEvent } from './changes.ts'
import { EventRedis } from './connection.ts'
import { listEvents } from './listing.ts'
import { RedisLog } from './log.ts'
import { RedisPosts } from './posts.ts'
import { EXPIRE, MOVE_DUE } from './scripts.ts'
import { Statuses } from './statuses.ts'

export interface RedisProviderOptions extends Bounds {
  readonly address: EventRedisAddress
  /** Instance name. */
  readonly name: string
  readonly idRetentionMs: number
  readonly clock: Clock
  readonly log: Log
}

/** Events looked at by one script, which holds up the server while it runs. */
const EXPIRED_AT_ONCE = 500

/**
 * Posted events in Redis (one server, a Sentinel group, or one node of a Cluster), which several instances may share.
 * Everything that belongs together is one script, so it is there or not; what comes in while one is under way goes into the
 * next one. How durable an answer is depends on the server: `can.durability` says what it was when it was last looked at.
 */
export class RedisEventProvider implements EventProvider {
  readonly description: string
  readonly log: RedisLog
  readonly #options: RedisProviderOptions
  readonly #redis: EventRedis
  readonly #posts: BatchedPosts
  readonly #statuses: Statuses
  #closed = false

  constructor(options: RedisProviderOptions) {
    const { address, name, clock } = options
    this.#options = options
    this.description = address.printable
    this.#redis = new EventRedis(address, name, options.log)
    this.#statuses = new Statuses(this.#redis, this.description)
    this.log = new RedisLog(this.description, {
      redis: this.#redis,
      closed: () => this.#closed,
      isPosting: () => this.#posts.isBusy,
      clock,
      name,
      can: () => this.can,
    })
    this.#posts = new BatchedPosts(new RedisPosts(this.#redis, options, this.log), this.description)
  }

  get can(): ProviderCapabilities {
    return {
      durability: this.#redis.durability,
      sharedGroups: true,
      idRetentionMs: this.#options.idRetentionMs,
      index: true,
      survivesKill: true,
      orderAcrossInstances: true,
    }
  }

  /** Asks the server how safe it is. Rejects with BINGO_LOG_UNSAFE, or as everything while it is down. */
  async check(): Promise<void> {
    await this.#redis.check()
  }

  async post(events: readonly NewEvent[], options: PostOptions): Promise<readonly Posted[]> {
    if (this.#closed) throw logClosed(this.description)
    const answers = await this.#posts.add(postOf(events, options))
    this.log.wake()
    return answers
  }

  async get(name: EventName): Promise<EventRecord | null> {
    const stored = await findEvent(this.#redis, keyOfName(name))
    return stored === null ? null : recordOf(stored.kept)
  }

  list(filter: EventFilter): Promise<EventPage> {
    return listEvents(filter, this.#redis)
  }

  async progress(updates: readonly ProgressUpdate[]): Promise<void> {
    if (this.#closed) throw logClosed(this.description)
    await this.#statuses.add(updates)
  }

  cancel(name: EventName, now: number): ReturnType<EventProvider['cancel']> {
    return changeEvent(this.#redis, this.#target(name, now), (stored) => {
      if (stored === null) return { answer: 'unknown' }
      const { kept } = stored
      if (kept.progress.status === 'cancelled') return { answer: 'already cancelled' }
      if (!waits(kept)) return { answer: 'too late' }
      return { answer: 'cancelled', write: { place: 'none', progress: cancelled(kept.progress, now) } }
    })
  }

  async replay(name: EventName, now: number): ReturnType<EventProvider['replay']> {
    const answer = await changeEvent<Awaited<ReturnType<EventProvider['replay']>>>(
      this.#redis,
      this.#target(name, now),
      (stored) => {
        if (stored === null) return { answer: 'unknown' }
        const { kept } = stored
        if (kept.progress.status === 'cancelled') return { answer: 'cancelled' }
        if (waits(kept)) return { answer: 'waiting' }
        const progress = replayed(kept.progress, now)
        return { answer: recordOf({ ...kept, progress }), write: { place: 1, progress } }
      },
    )
    this.log.changed()
    return answer
  }

  async due(now: number, limit: number): ReturnType<EventProvider['due']> {
    const [moved, next] = (await this.#redis.run(MOVE_DUE, [now, limit])) as [number, string]
    if (moved > 0) this.log.changed()
    return { moved, nextAt: next === '' ? null : Number(next) }
  }

  async expire(before: number): Promise<number> {
    await this.log.trimAcknowledged()
    const { clock, idRetentionMs } = this.#options
    const limit = Math.min(before, clock.now() - idRetentionMs)
    let removed = 0
    for (let after: string = '0'; after !== '';) {
      const answer = (await this.#redis.run(EXPIRE, [after, EXPIRED_AT_ONCE, limit])) as [number, string]
      removed += answer[0]
      after = answer[1]
    }
    return removed
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await Promise.all([this.#posts.drain(), this.#statuses.drain()])
    this.log.wake()
    // The leases of a server that is down run out.
    await this.log.close().catch(() => undefined)
    await this.#redis.close()
  }

  #target(name: EventName, now: number): { readonly name: string; readonly log: string; readonly now: number } {
    return { name: keyOfName(name), log: this.description, now }
  }
}
