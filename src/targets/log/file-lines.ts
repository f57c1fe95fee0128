import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import type { Log, TargetContext } from '../../model/rule/action.ts'
import { BingoError } from '../../model/errors.ts'
import { behindBytes } from '../../model/event/bytes/behind-bytes.ts'
import { reasonOf } from '../failure/error-text.ts'
import type { Lines } from './lines.ts'

type Context = Pick<TargetContext, 'log' | 'onReopen'>

/**
 * Lines appended to a file. When told to reopen, it opens the path anew before the next write, so that a rotated file is let go of.
 * What a failed write left behind is cut off again: a line is there whole or not at all.
 */
export class FileLines implements Lines {
  readonly #path: string
  readonly #fsync: boolean
  readonly #log: Log
  #file: FileHandle
  #reopen = false
  readonly #stopListening: (() => void) | undefined

  private constructor(path: string, fsync: boolean, { log, onReopen }: Context, file: FileHandle) {
    this.#path = path
    this.#fsync = fsync
    this.#log = log
    this.#file = file
    this.#stopListening = onReopen?.(() => (this.#reopen = true))
  }

  /** Rejects with BINGO_LOG_OPEN where the file cannot be opened for appending. */
  static async open(path: string, fsync: boolean, context: Context): Promise<FileLines> {
    return new FileLines(path, fsync, context, await openForAppend(path))
  }

  async write(blocks: readonly Buffer[]): Promise<void> {
    if (this.#reopen) await this.#openAnew()
    let written = 0
    try {
      for (let rest = blocks; rest.length > 0;) {
        const { bytesWritten } = await this.#file.writev(rest)
        written += bytesWritten
        rest = behindBytes(rest, bytesWritten)
      }
      if (this.#fsync) await this.#file.datasync()
    } catch (error) {
      if (written > 0) await this.#cutOff(written)
      throw error
    }
  }

  async #openAnew(): Promise<void> {
    const file = await openForAppend(this.#path)
    await this.#file.close().catch(() => undefined)
    this.#file = file
    this.#reopen = false
    this.#log.info({ path: this.#path }, 'audit log reopened')
  }

  async #cutOff(bytes: number): Promise<void> {
    try {
      const stat = await this.#file.stat()
      if (stat.isFile()) await this.#file.truncate(stat.size - bytes)
    } catch (error) {
      this.#log.warn(
        { path: this.#path, code: 'BINGO_LOG_TORN', err: reasonOf(error) },
        'the file may contain an incomplete line',
      )
    }
  }

  async close(): Promise<void> {
    this.#stopListening?.()
    await this.#file.close()
  }
}

async function openForAppend(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'a')
  } catch (cause) {
    throw new BingoError('BINGO_LOG_OPEN', `Cannot open the audit log ${path}: ${reasonOf(cause)}`, {
      hint: 'Check that the folder exists and that the user of BinGo can write to it.',
      retryable: true,
      cause,
    })
  }
}
