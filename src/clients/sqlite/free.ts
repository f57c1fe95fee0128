import type { DatabaseSync } from 'node:sqlite'
import { systemClock } from '../../model/clock.ts'
import type { Clock } from '../../model/clock.ts'

/** Result codes of SQLite (https://sqlite.org/rescode.html), without the extended part. */
const BUSY = 5

/** SQLite waits within the call, and everything else in this process with it. */
const HELD_UP_MS = 5
const [FIRST_PAUSE_MS, LONGEST_PAUSE_MS] = [10, 100]

export type PauseClock = Pick<Clock, 'monotonicMs' | 'sleep'>

/** Of connections that nobody else changes. */
const timeouts = new WeakMap<DatabaseSync, number>()
/** Work that waits, by its database: what comes later must not overtake it. */
const lasts = new WeakMap<DatabaseSync, Promise<unknown>>()

/**
 * Runs `work`, a statement or a whole transaction. Where another process has the file locked, that is waited for beside
 * the event loop, for as long as the connection's `busy_timeout` says; then rejects with what SQLite said. Where nothing
 * has to be waited for, `work` is done when this returns. It runs again from its beginning: nothing of it was done.
 */
export function whenFree<T>(database: DatabaseSync, work: () => T, clock: PauseClock = systemClock): Promise<T> {
  const last = lasts.get(database)
  if (last !== undefined) {
    const sinceMs = clock.monotonicMs()
    return queued(database, last, () => untilFree(database, work, null, sinceMs, clock))
  }
  try {
    return Promise.resolve(attempt(database, work))
  } catch (error) {
    if (!isBusy(error)) return Promise.reject(error as Error)
    const sinceMs = clock.monotonicMs()
    return queued(database, Promise.resolve(), () => untilFree(database, work, error, sinceMs, clock))
  }
}

/** Another process has the file locked. */
export function isBusy(error: unknown): boolean {
  return resultCode(error) === BUSY
}

/** Null: the error is not one of SQLite. */
export function resultCode(error: unknown): number | null {
  const code = error instanceof Error && 'errcode' in error ? error.errcode : null
  return typeof code === 'number' ? code & 0xff : null
}

function queued<T>(database: DatabaseSync, last: Promise<unknown>, run: () => Promise<T>): Promise<T> {
  const turn = last.then(run)
  const ended = turn.then(
    () => undefined,
    () => undefined,
  )
  lasts.set(database, ended)
  void ended.then(() => {
    if (lasts.get(database) === ended) lasts.delete(database)
  })
  return turn
}

/** `failed`: what a first attempt was refused with; null: there was none. */
async function untilFree<T>(
  database: DatabaseSync,
  work: () => T,
  failed: unknown,
  sinceMs: number,
  clock: PauseClock,
): Promise<T> {
  const untilMs = sinceMs + timeoutOf(database)
  let busy = failed
  let pauseMs = FIRST_PAUSE_MS
  for (;;) {
    if (busy !== null) {
      const leftMs = untilMs - clock.monotonicMs()
      if (leftMs <= 0) throw busy
      await clock.sleep(Math.min(pauseMs, leftMs))
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)
    }
    try {
      return attempt(database, work)
    } catch (error) {
      if (!isBusy(error)) throw error
      busy = error
    }
  }
}

function attempt<T>(database: DatabaseSync, work: () => T): T {
  const timeoutMs = timeoutOf(database)
  if (timeoutMs <= HELD_UP_MS) return work()
  database.exec(`PRAGMA busy_timeout = ${HELD_UP_MS}`)
  try {
    return work()
  } finally {
    database.exec(`PRAGMA busy_timeout = ${timeoutMs}`)
  }
}

/** A connection of ours, opened with this `busy_timeout`: it need not be asked for with each call. */
export function openedWith(database: DatabaseSync, timeoutMs: number): DatabaseSync {
  timeouts.set(database, timeoutMs)
  return database
}

/** An application's connection has one of its own. */
function timeoutOf(database: DatabaseSync): number {
  const known = timeouts.get(database)
  if (known !== undefined) return known
  return database.prepare('PRAGMA busy_timeout').get()!['timeout'] as number
}
