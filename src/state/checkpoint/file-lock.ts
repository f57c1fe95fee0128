import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { open, readFile, rename, rm, stat, utimes } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { BingoError } from '../../model/errors.ts'

/** The owner touches its lock this often … */
const REFRESH_MS = 3_000
/** … and a lock of another host that was not touched for so long is abandoned. */
const ABANDONED_MS = 12_000
const POLL_MS = 500

interface Owner {
  readonly pid: number
  readonly host: string
  /** Start time of the process, so that a process id used again is not taken for the owner; null where unknown. */
  readonly started: string | null
  readonly nonce: string
}

/**
 * A lock file that keeps two processes from one checkpoint. On the same host the owner's process id is checked, so a
 * killed daemon leaves nothing to clean up; for another host (two containers, one volume) the file's age decides, and
 * acquiring waits that long, so that a moved container starts without help.
 */
export class FileLock {
  readonly #path: string
  readonly #nonce: string
  readonly #refresh: NodeJS.Timeout

  private constructor(path: string, nonce: string) {
    this.#path = path
    this.#nonce = nonce
    this.#refresh = setInterval(() => {
      const now = new Date()
      // A failed touch matters only when another host asks, and `held` then tells.
      utimes(path, now, now).catch(() => undefined)
    }, REFRESH_MS)
    this.#refresh.unref()
  }

  /** Throws BINGO_CHECKPOINT_LOCKED while a live process holds it. */
  static async acquire(path: string): Promise<FileLock> {
    const owner: Owner = { pid: process.pid, host: hostname(), started: startTime(process.pid), nonce: randomUUID() }
    const deadline = performance.now() + ABANDONED_MS + 2 * POLL_MS
    for (;;) {
      if (await createExclusively(path, JSON.stringify(owner))) return new FileLock(path, owner.nonce)
      const holder = await readOwner(path)
      if (holder !== 'gone' && (await isAlive(path, holder))) {
        const foreign = holder !== null && holder.host !== owner.host
        if (!foreign || performance.now() > deadline) throw locked(path, holder)
        await delay(POLL_MS)
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
    clearInterval(this.#refresh)
    if (await this.held()) await rm(this.#path, { force: true })
  }
}

async function createExclusively(path: string, text: string): Promise<boolean> {
  let file: FileHandle
  try {
    file = await open(path, 'wx', 0o600)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
  try {
    await file.writeFile(text)
  } catch (error) {
    // On a full disk an empty file is left, which the next try would take for somebody else's lock.
    await rm(path, { force: true })
    throw error
  } finally {
    await file.close()
  }
  return true
}

/** `null`: unreadable, as a crash right after creation leaves it. */
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
  try {
    process.kill(owner.pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
  return owner.started === null || startTime(owner.pid) === owner.started
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

/** Clock ticks from boot to the start of the process (proc(5), stat, field 22); null where there is no /proc. */
function startTime(pid: number): string | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? null
  } catch {
    return null
  }
}

function locked(path: string, owner: Owner | null): BingoError {
  const who = owner ? `process ${owner.pid} on ${owner.host}` : 'another process'
  return new BingoError('BINGO_CHECKPOINT_LOCKED', `The checkpoint is in use by ${who} (lock file ${path})`, {
    hint: 'Stop the other BinGo first, or give this one another `checkpoint.store`.',
  })
}

/** Makes a rename in this folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
