import { mkdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'

const POLL_MS = 100
const HEARTBEAT_MS = 1_000
/** A holder that has not touched its lock for this long is dead (killed, or its machine was restarted). */
const STALE_MS = 15_000

/**
 * Runs `work` while no other process runs under the same lock. `folder` is the lock: making a folder is atomic on every
 * file system. The holder touches it as long as it lives, which needs no process ids and so works across containers
 * that share the cache.
 *
 * After a pause longer than STALE_MS (a suspended laptop) two holders are possible: work must be safe to do twice,
 * the lock only saves doing so.
 */
export async function withLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  while (!(await takeLock(folder))) {
    await breakStaleLock(folder)
    await delay(POLL_MS)
  }
  const heartbeat = setInterval(() => {
    const now = new Date()
    // The lock may have been broken by someone who thought us dead; the work goes on all the same.
    utimes(folder, now, now).catch(() => undefined)
  }, HEARTBEAT_MS)
  try {
    return await work()
  } finally {
    clearInterval(heartbeat)
    await rm(folder, { recursive: true, force: true })
  }
}

async function takeLock(folder: string): Promise<boolean> {
  try {
    await mkdir(folder)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

async function breakStaleLock(folder: string): Promise<void> {
  const info = await stat(folder).catch(() => undefined)
  if (info === undefined || Date.now() - info.mtimeMs < STALE_MS) return
  // Of several waiters only one can rename it away; the others find it gone.
  const aside = `${folder}.stale-${process.pid}`
  await rename(folder, aside).catch(() => undefined)
  await rm(aside, { recursive: true, force: true })
}
