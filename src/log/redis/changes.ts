import type { EventProgress } from '../../model/event/posted/event-record.ts'
import { logBusy } from '../errors.ts'
import type { EventRedis } from './connection.ts'
import { progressText, storedEvent, type StoredEvent } from './rows.ts'
import { CHANGE, FIND } from './scripts.ts'

/** One event as it was read, and what it becomes (see CHANGE). */
export interface Change {
  readonly name: string
  /** As read; '' = there is none. */
  readonly meta: string
  readonly progress: string
  /** `keep`, `none`, `due`, or the number of an entry that is appended, counted from 1. */
  readonly place: 'keep' | 'none' | 'due' | number
  readonly dueAt: number | ''
  /** '' = as it is. */
  readonly body: string
  readonly newProgress: string
  readonly partition: string | number
  /** Milliseconds since 1970. */
  readonly at: number
}

/** Others change the same event meanwhile. */
const ATTEMPTS = 20
const UNBOUNDED = Number.MAX_SAFE_INTEGER

export function changeArguments(change: Change): (string | number)[] {
  const { name, meta, progress, place, dueAt, body, newProgress, partition, at } = change
  return [name, meta, progress, place, dueAt, body, newProgress, partition, at]
}

export async function findEvent(redis: EventRedis, name: string): Promise<StoredEvent | null> {
  const [, , meta, body, progress] = (await redis.run(FIND, ['1', name])) as [string, string, string, string, string]
  return meta === '' ? null : storedEvent(meta, body, progress)
}

/** What is to be done about an event that was read: an answer, and what it takes. */
export type Decision<T> = {
  readonly answer: T
  readonly write?: { readonly place: 'none' | 1; readonly progress: EventProgress }
}

/** Reads an event, decides about it, and writes that if nobody has changed it meanwhile. */
export async function changeEvent<T>(
  redis: EventRedis,
  target: { readonly name: string; readonly log: string; readonly now: number },
  decide: (stored: StoredEvent | null) => Decision<T>,
): Promise<T> {
  const { name, log, now } = target
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const stored = await findEvent(redis, name)
    const { answer, write } = decide(stored)
    if (stored === null || write === undefined) return answer
    const change = changeArguments({
      name,
      meta: stored.meta,
      progress: stored.progress,
      place: write.place,
      dueAt: '',
      body: '',
      newProgress: progressText(write.progress),
      partition: stored.partition,
      at: now,
    })
    if ((await redis.runDurably(CHANGE, [UNBOUNDED, UNBOUNDED, ...change])) === 1) return answer
  }
  throw logBusy(log)
}
