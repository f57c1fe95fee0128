import { randomUUID } from 'node:crypto'
import { link, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import type { Clock, Timer } from '../../model/clock.ts'
import { inUse, isRunning, thisProcess } from './owner.ts'
import type { Owner } from './owner.ts'

/** The owner touches its lock this often … */
const REFRESH_MS = 3_000
/** … and a lock of another host that was not touched for so long is abandoned. */
const ABANDONED_MS = 12_000
const POLL_MS = 500

/**
 * The lock file PATH.lock, by which a BinGo with a JSON checkpoint owns it. Held while a state file is made, so that none
 * of that age runs on the path meanwhile. On the same host the owner's process id is checked, so a killed daemon leaves
 * nothing to clean up; for another host (two containers, one volume) the file's age decides, and acquiring waits that long.
 */
export class FileLock {
  readonly #path: string
  readonly #nonce: string
  readonly #refresh: Timer

  private constructor(path: string, nonce: string, clock: Clock) {
    this.#path = path
    this.#nonce = nonce
    this.#refresh = clock.every(REFRESH_MS, () => {
      const now = new Date()
      // A failed touch matters only when another host asks, and `held` then tells.
      utimes(path, now, now).catch(() => undefined)
    })
  }

  /** Throws BINGO_CHECKPOINT_LOCKED while a live process holds it. */
  static async acquire(path: string, clock: Clock): Promise<FileLock> {
    const owner = thisProcess()
    const deadlineMs = clock.monotonicMs() + ABANDONED_MS + 2 * POLL_MS
    for (;;) {
      if (await createExclusively(path, JSON.stringify(owner))) return new FileLock(path, owner.nonce, clock)
      const holder = await readOwner(path)
      if (holder !== 'gone' && (await isAlive(path, holder))) {
        const foreign = holder !== null && holder.host !== owner.host
        if (!foreign || clock.monotonicMs() > deadlineMs) throw inUse(path, holder)
        await clock.sleep(POLL_MS)
      } else if (holder !== 'gone') {
        await removeAbandoned(path, holder)
      }
    }
  }

  /** False once somebody else has taken the lock over. */
  async held(): Promise<boolean> {
    const owner = await readOwner(this.#path)
    return owner !== 'gone' && owner?.nonce === this.#nonce
  }

  async release(): Promise<void> {
    this.#refresh.cancel()
    if (await this.held()) await rm(this.#path, { force: true })
  }
}

/** The file appears with its content: a kill leaves none that says nothing about its owner. */
async function createExclusively(path: string, text: string): Promise<boolean> {
  const made = `${path}.${randomUUID()}`
  try {
    await writeFile(made, text, { mode: 0o600 })
    await link(made, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    await rm(made, { force: true })
  }
}

/** `null`: unreadable, as a crash of an older version right after creation leaves it. */
async function readOwner(path: string): Promise<Owner | null | 'gone'> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'gone'
    throw error
  }
  try {
    return JSON.parse(text) as Owner
  } catch {
    return null
  }
}

async function isAlive(path: string, owner: Owner | null): Promise<boolean> {
  if (owner === null || owner.host !== hostname()) return ageMs(path).then((age) => age < ABANDONED_MS)
  return isRunning(owner)
}

async function ageMs(path: string): Promise<number> {
  try {
    return Date.now() - (await stat(path)).mtimeMs
  } catch {
    return Infinity
  }
}

/**
 * Two processes may find the same abandoned lock. Renaming first means that only one of them removes it, and what was
 * moved away is looked at again, in case the other had already put a new lock there.
 */
async function removeAbandoned(path: string, seen: Owner | null): Promise<void> {
  const aside = `${path}.${randomUUID()}`
  try {
    await rename(path, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  const moved = await readOwner(aside)
  if (moved !== 'gone' && moved !== null && moved.nonce !== seen?.nonce) await rename(aside, path)
  else await rm(aside, { force: true })
}
