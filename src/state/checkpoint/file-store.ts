import { mkdirSync, statSync } from 'node:fs'
import { open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Checkpoint, CheckpointStore } from '../../model/checkpoint.ts'
import { BingoError } from '../../model/errors.ts'
import { FileLock, syncFolder } from './file-lock.ts'
import { fenced, parseCheckpoint, serialiseCheckpoint, unreachable } from './record.ts'

/**
 * The checkpoint as one small file. A save writes a neighbour, syncs it, renames it over the old one and syncs the
 * folder: after a power cut there is the old checkpoint or the new one, never a mixture.
 */
export class FileCheckpointStore implements CheckpointStore {
  readonly description: string
  readonly path: string
  readonly #name: string
  readonly #readOnly: boolean
  #lock: FileLock | null = null

  /** `path` may be a folder; the file in it is then called after the instance. `readOnly` takes no lock. */
  constructor(path: string, name: string, readOnly: boolean) {
    this.path = filePath(path, name)
    this.description = `file:${this.path}`
    this.#name = name
    this.#readOnly = readOnly
  }

  /** Takes the lock as well: who reads a checkpoint to go on from it must be alone. */
  async load(): Promise<Checkpoint | null> {
    let stored: string | null
    try {
      if (!this.#readOnly) await this.#acquire()
      stored = await readIfThere(this.path)
    } catch (error) {
      throw error instanceof BingoError ? error : unreachable(this.description, error)
    }
    return stored === null ? null : parseCheckpoint(stored, this.#name, this.description)
  }

  async save(checkpoint: Checkpoint): Promise<void> {
    let held: boolean
    try {
      const lock = await this.#acquire()
      held = await lock.held()
      if (held) await this.#write(serialiseCheckpoint(checkpoint))
    } catch (error) {
      throw error instanceof BingoError ? error : unreachable(this.description, error)
    }
    if (!held) throw fenced(this.description, 'its lock file was replaced')
  }

  async close(): Promise<void> {
    const lock = this.#lock
    this.#lock = null
    await lock?.release()
  }

  async #acquire(): Promise<FileLock> {
    if (this.#lock) return this.#lock
    mkdirSync(dirname(this.path), { recursive: true })
    this.#lock = await FileLock.acquire(`${this.path}.lock`)
    return this.#lock
  }

  async #write(text: string): Promise<void> {
    const temporary = `${this.path}.tmp`
    const handle = await open(temporary, 'w', 0o600)
    try {
      await handle.writeFile(`${text}\n`)
      await handle.sync()
    } catch (error) {
      await handle.close()
      await rm(temporary, { force: true })
      throw error
    }
    await handle.close()
    await rename(temporary, this.path)
    await syncFolder(dirname(this.path))
  }
}

function filePath(path: string, name: string): string {
  const absolute = resolve(path)
  const isFolder = path.endsWith('/') || statSync(absolute, { throwIfNoEntry: false })?.isDirectory() === true
  return isFolder ? join(absolute, `${name.replaceAll(/[^\w.-]/g, '_')}.checkpoint`) : absolute
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
